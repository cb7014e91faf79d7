package httpserver

import (
	"cmp"
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Server serves requests from listeners. All methods may be called concurrently.
type Server struct {
	http   http.Server
	engine *netHTTP
	new    newConnections
	admit  admission
	o      Options

	mu        sync.Mutex
	listeners map[net.Listener]bool // that Serve accepts from; nil once Drain has closed them
}

// NewServer returns a Server that has requests answered by h on the threads of d, which stays the
// caller's: close it after Shutdown or Close, so that what is queued still runs.
func NewServer(h Handler, d Threads, o Options) *Server {
	o = o.withDefaults()
	o.Limits.MaxConnections = cmp.Or(o.Limits.MaxConnections, MostConnections())
	s := &Server{o: o, engine: newNetHTTP(h, d, o), listeners: map[net.Listener]bool{}}
	s.admit.o, s.admit.stats = &s.o, &s.engine.stats
	s.http = http.Server{
		Handler:                      s.engine,
		DisableGeneralOptionsHandler: true, // `OPTIONS *` is the application's
		ReadHeaderTimeout:            o.HeaderTimeout,
		IdleTimeout:                  o.IdleTimeout,
		WriteTimeout:                 o.Limits.WriteTimeout, // of net/http's own answers; others begin it anew
		MaxHeaderBytes:               o.MaxHeaderBytes,
		ErrorLog:                     log.New(errorLog{o.Log}, "", 0),
		ConnContext:                  withConnEnds,
		ConnState:                    s.changed,
	}
	s.http.RegisterOnShutdown(s.new.expire)
	return s
}

// Serve accepts connections from l until Shutdown or Close and then returns nil, at once and before the
// last request has ended. Any other error of l is returned. It closes l in any case. It may be called for
// several listeners, each on a goroutine of its own.
func (s *Server) Serve(l net.Listener) error {
	if s.o.Descriptors != nil {
		l = watchListener(l, s.o.Descriptors)
	}
	l = admitted{l, &s.admit}
	if !s.accepts(l) {
		return l.Close()
	}
	err := s.http.Serve(l)
	if errors.Is(err, http.ErrServerClosed) || s.engine.leaving.Load() && errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// accepts notes that connections are accepted from l, unless that is over.
func (s *Server) accepts(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listeners == nil {
		return false
	}
	s.listeners[l] = true
	return true
}

func (s *Server) changed(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.engine.stats.Connections.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.engine.stats.Connections.Add(-1)
		s.admit.leave(c)
	}
	s.new.changed(c, state)
}

// Drain implements Engine.
func (s *Server) Drain(ctx context.Context) {
	s.engine.leaving.Store(true)
	s.mu.Lock()
	for l := range s.listeners {
		l.Close()
	}
	s.listeners = nil
	s.mu.Unlock()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for s.engine.stats.Connections.Load() > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Stats returns the counters, which go on counting.
func (s *Server) Stats() *Stats { return &s.engine.stats }

// Shutdown stops accepting, closes idle connections, and returns nil once the requests that were under way
// have been answered (with `Connection: close`). When ctx is done before that it returns ctx.Err(); what
// is under way then goes on until Close. In any case it logs what was counted.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.engine.stats.Log(s.o.Log)
	return s.http.Shutdown(ctx)
}

// Close closes all listeners and connections at once, without waiting for requests under way: those see a
// client that has disconnected.
func (s *Server) Close() error { return s.http.Close() }

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
