package pyserve

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"

	"github.com/pyserve/pyserve/httpserver"
)

// server is an application's own server, made when it is first used.
type server struct {
	once   sync.Once
	engine httpserver.Engine
	err    error
}

var errOtherServed = errors.New("another application has the reactor, which serves one: use EngineNetHTTP, or serve both by ServeHTTP")

// own returns the server.
func (a *Application) own() (httpserver.Engine, error) {
	a.server.once.Do(func() {
		if a.rt.options.Engine == EngineReactor && !a.rt.served.CompareAndSwap(false, true) {
			a.server.err = errOtherServed
			return
		}
		a.server.engine = newEngine(a.rt.threads, a.handler, a.engine, a.rt.options.Limits)
	})
	return a.server.engine, a.server.err
}

// Serve accepts connections from l, on the engine that Options.Engine names, and has the application answer their requests. It
// may be called for several listeners. It returns [http.ErrServerClosed] after Drain, Shutdown or Close, else the listener's
// error, and closes l in any case. The reactor serves one application of a process.
func (a *Application) Serve(l net.Listener) error {
	engine, err := a.own()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if err := engine.Serve(l); err != nil {
		return err
	}
	return http.ErrServerClosed
}

// Drain stops accepting because another process accepts from the same listeners, and returns when no connection is left or ctx
// is done. An idle connection may make one more request, whose answer says that it closes: its client may be sending it
// already. Shutdown is to follow.
func (a *Application) Drain(ctx context.Context) {
	if engine, err := a.own(); err == nil {
		engine.Drain(ctx)
	}
}

// Shutdown stops accepting, closes idle connections, and returns nil when the requests under way have been answered. When ctx
// is done before that, it returns ctx.Err(), and they go on until Close; see EndRequests.
func (a *Application) Shutdown(ctx context.Context) error {
	engine, err := a.own()
	if err != nil {
		return err
	}
	return engine.Shutdown(ctx)
}

// Close closes all listeners and connections, without waiting for requests: for these it is as if the client had gone.
func (a *Application) Close() error {
	engine, err := a.own()
	if err != nil {
		return err
	}
	return engine.Close()
}
