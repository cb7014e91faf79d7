//go:build !linux

package pyserve

import (
	"errors"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/nethttp"
)

func newThreads(o Options) (httpserver.Threads, error) {
	if o.Engine == EngineReactor {
		return nil, errors.New("the reactor needs Linux: use the nethttp engine")
	}
	return nethttp.NewDispatcher(o.Queue), nil
}

func newEngine(threads httpserver.Threads, h httpserver.Handler, o httpserver.Options, l Limits) httpserver.Engine {
	return nethttp.NewServer(h, threads, o, l)
}
