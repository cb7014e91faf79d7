//go:build !linux

package pyserve

import (
	"errors"

	"github.com/pyserve/pyserve/httpserver"
)

func newThreads(o Options) (httpserver.Threads, error) {
	if o.Engine == EngineReactor {
		return nil, errors.New("the reactor needs Linux: use the nethttp engine")
	}
	return httpserver.NewDispatcher(o.Queue), nil
}

func newEngine(threads httpserver.Threads, h httpserver.Handler, o httpserver.Options) httpserver.Engine {
	return httpserver.NewServer(h, threads, o)
}
