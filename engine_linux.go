package pyserve

import (
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/nethttp"
	"github.com/pyserve/pyserve/httpserver/reactor"
	"github.com/pyserve/pyserve/pyhost"
)

// newThreads makes the queue for the Python threads: the reactor, unless o wants net/http's engine.
func newThreads(o Options) (httpserver.Threads, error) {
	if o.Engine != EngineReactor {
		return nethttp.NewDispatcher(o.Queue), nil
	}
	return reactor.New(o.Threads, reactor.Options{Log: o.Log, Queue: o.Queue, Limits: o.Limits, GILHeld: pyhost.GILHeld, Row: o.Process.Row})
}

// newEngine makes the server that goes with the queue.
func newEngine(threads httpserver.Threads, h httpserver.Handler, o httpserver.Options, l Limits) httpserver.Engine {
	if r, ok := threads.(*reactor.Reactor); ok {
		return r.NewServer(h, o)
	}
	return nethttp.NewServer(h, threads, o, l)
}
