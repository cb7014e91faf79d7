package httpserver

import (
	"context"
	"net"
	"time"
)

// Threads are what runs handlers: a [Dispatcher], or the reactor, whose threads also wait for connections.
type Threads interface {
	// Work makes the calling goroutine thread number thread until Close; see [Dispatcher.Work]. control is nil unless it
	// is the only thread.
	Work(thread int, control <-chan func())
	// Do runs task on a thread and waits for it; see [Dispatcher.Do].
	Do(ctx context.Context, task func(thread int)) (queued time.Duration, err error)
	// RefuseQueued has what waits for a thread, now or later, not run: Do returns ErrClosed.
	RefuseQueued()
	// Close ends Work once what is queued has run.
	Close()
}

// Engine serves requests from listeners: a [Server], or the reactor's.
type Engine interface {
	// Serve serves the connections of l until Shutdown or Close; see [Server.Serve].
	Serve(l net.Listener) error
	// Drain stops accepting because others do, and returns when no connection is left or ctx is done. An idle
	// connection may make one more request, whose answer says that it closes: its client may be sending it
	// already. Shutdown is to follow.
	Drain(ctx context.Context)
	// Shutdown drains; see [Server.Shutdown].
	Shutdown(ctx context.Context) error
	// Close closes everything at once.
	Close() error
}
