package nethttp

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// Server serves requests from listeners. All methods may be called concurrently.
type Server struct {
	http   http.Server
	engine *engine
	conns  connections
	admit  admission

	mu        sync.Mutex
	stopped   bool                  // Serve accepts no more
	listeners map[net.Listener]bool // that it has accepted from
	serving   sync.WaitGroup        // calls of Serve that accept connections, or may just have accepted one
}

// NewServer returns a Server that has requests answered by h on the threads of d, which stay the
// caller's: close them after Shutdown or Close, so that what is queued still runs.
func NewServer(h httpserver.Handler, d httpserver.Threads, o httpserver.Options, l httpserver.Limits) *Server {
	s := &Server{engine: newEngine(h, d, o, l), listeners: map[net.Listener]bool{}}
	s.admit.e, s.conns.counters = s.engine, s.engine.counters
	o, l = s.engine.o, s.engine.limits
	s.http = http.Server{
		Handler:                      s.engine,
		DisableGeneralOptionsHandler: true, // `OPTIONS *` is the application's
		ReadHeaderTimeout:            o.HeaderTimeout,
		IdleTimeout:                  o.IdleTimeout,
		WriteTimeout:                 l.WriteTimeout, // of net/http's own answers; others begin it again
		MaxHeaderBytes:               o.MaxHeaderBytes,
		ErrorLog:                     log.New(errorLog{o.Log}, "", 0),
		ConnContext:                  s.conns.begin,
		ConnState:                    s.changed,
	}
	s.http.RegisterOnShutdown(s.conns.expire)
	return s
}

// Serve implements httpserver.Engine. It returns immediately after Shutdown or Close, before the last request has ended.
func (s *Server) Serve(l net.Listener) error {
	if d := s.engine.o.Descriptors; d != nil {
		l = watchListener(l, d)
	}
	l = admitted{l, &s.admit}
	if !s.accepts(l) {
		return l.Close()
	}
	err := s.http.Serve(l)
	s.serving.Done()
	if errors.Is(err, http.ErrServerClosed) || s.engine.leaving.Load() && errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// accepts notes that connections are accepted from l, unless that is over.
func (s *Server) accepts(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.listeners[l] = true
	s.serving.Add(1)
	return true
}

func (s *Server) changed(c net.Conn, state http.ConnState) {
	s.conns.changed(c, state)
	if state == http.StateClosed || state == http.StateHijacked {
		s.admit.dismiss(c)
	}
}

// stop ends accepting, and waits until every connection that has been accepted is counted, or ctx is done.
func (s *Server) stop(ctx context.Context) {
	s.engine.leaving.Store(true)
	s.mu.Lock()
	s.stopped = true
	for l := range s.listeners {
		l.Close()
	}
	s.mu.Unlock()
	counted := make(chan struct{})
	go func() { s.serving.Wait(); close(counted) }()
	select {
	case <-counted:
	case <-ctx.Done():
	}
}

// Drain implements httpserver.Engine.
func (s *Server) Drain(ctx context.Context) {
	s.stop(ctx)
	_ = httpserver.Await(ctx, func() bool { return s.engine.counters.Connections.Load() == 0 })
}

// lastRead is how long a shutdown gives connections of which no request has been read yet. net/http answers none that it
// reads later, though the client cannot know whether it was: on a new connection, it will not try again by itself.
const lastRead = 50 * time.Millisecond

// Shutdown implements httpserver.Engine.
func (s *Server) Shutdown(ctx context.Context) error {
	defer func() {
		stats := s.engine.row.Stats()
		stats.Log(s.engine.o.Log)
	}()
	s.stop(ctx)
	last, cancel := context.WithTimeout(ctx, lastRead)
	_ = httpserver.Await(last, s.conns.allBegun)
	cancel()
	return butClosed(s.http.Shutdown(ctx))
}

// Close implements httpserver.Engine.
func (s *Server) Close() error { return butClosed(s.http.Close()) }

// butClosed returns err, unless it says that a listener was closed before: by Drain, while Serve has not noticed yet.
func butClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// errorLog passes net/http's own messages to slog.
type errorLog struct{ log *slog.Logger }

// Write takes one message.
func (l errorLog) Write(p []byte) (int, error) {
	level := slog.LevelWarn
	msg := strings.TrimSpace(string(p))
	if strings.HasPrefix(msg, "http: TLS handshake error") { // any port scan makes these
		level = slog.LevelDebug
	}
	l.log.Log(context.Background(), level, strings.TrimPrefix(msg, "http: "))
	return len(p), nil
}
