package httpserver

import (
	"context"
	"net"
	"time"
)

// Threads are what runs handlers: the queue of the engine on net/http, or the reactor, whose threads also wait for
// connections. All methods may be called concurrently.
type Threads interface {
	// Work makes the calling goroutine thread number thread until Close: it runs tasks, and the functions received from
	// control, and then what is still queued. A function that waits goes before a task that waits; its panic is not
	// recovered. control is nil unless it is the only thread.
	Work(thread int, control <-chan func())
	// Do runs task on a thread and returns when it has run, with the time it waited for one. The error says that it has
	// not run and never will: [ErrQueueFull], [ErrClosed], or ctx.Err() when ctx was done while it still waited. Once
	// begun, it is waited for whatever becomes of ctx. Its panic is raised again here, as a [*TaskPanic].
	Do(ctx context.Context, task func(thread int)) (queued time.Duration, err error)
	// RefuseQueued has what waits for a thread, now or later, not run: Do returns ErrClosed.
	RefuseQueued()
	// Close makes Do return ErrClosed from now on, and ends Work once what is queued has run. It may be called again.
	Close()
}

// Engine serves requests from listeners. All methods may be called concurrently.
type Engine interface {
	// Serve accepts connections from l until Drain, Shutdown or Close, and then returns nil. Any other error of l is
	// returned. It closes l in any case. It may be called for several listeners, each on a goroutine of its own.
	Serve(l net.Listener) error
	// Drain stops accepting because others do, and returns when no connection is left or ctx is done. An idle
	// connection may make one more request, whose answer says that it closes: its client may be sending it
	// already. Shutdown is to follow.
	Drain(ctx context.Context)
	// Shutdown stops accepting, closes idle connections, and returns nil once the requests that were under way have been
	// answered, with `Connection: close`. When ctx is done before that it returns ctx.Err(); what is under way then goes
	// on until Close. In any case it logs what was counted.
	Shutdown(ctx context.Context) error
	// Close closes all listeners and connections immediately, without waiting for requests under way: those see a client
	// that has disconnected.
	Close() error
}
