package pyserve

import (
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/reactor"
	"github.com/pyserve/pyserve/pyhost"
)

// newThreads makes the queue for the Python threads: the reactor, unless o wants net/http's engine.
func newThreads(o Options) (httpserver.Threads, error) {
	if o.Engine != EngineReactor {
		return httpserver.NewDispatcher(o.Queue), nil
	}
	return reactor.New(o.Threads, reactor.Options{
		Log: o.Log, Queue: o.Queue, GILHeld: pyhost.GILHeld, Row: o.Row,
		QueueAge: o.Limits.QueueAge, MaxConnections: o.Limits.MaxConnections,
		MaxConnectionsPerAddress: o.Limits.MaxConnectionsPerAddress, KeepAliveRequests: o.Limits.KeepAliveRequests,
		BodyRate: o.Limits.BodyRate, WriteTimeout: o.Limits.WriteTimeout, ResponseRate: o.Limits.ResponseRate,
		ResponseBuffer: o.Limits.ResponseBuffer,
	})
}

// newEngine makes the server that goes with the queue.
func newEngine(threads httpserver.Threads, h httpserver.Handler, o httpserver.Options) httpserver.Engine {
	if r, ok := threads.(*reactor.Reactor); ok {
		return r.NewServer(h, o)
	}
	return httpserver.NewServer(h, threads, o)
}
