package httpserver

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
)

// Server serves requests from listeners. All methods may be called concurrently.
type Server struct {
	http http.Server
	new  newConnections
	o    Options
}

// NewServer returns a Server that has requests answered by h on the threads of d, which stays the
// caller's: close it after Shutdown or Close, so that what is queued still runs.
func NewServer(h Handler, d Threads, o Options) *Server {
	o = o.withDefaults()
	s := &Server{o: o}
	s.http = http.Server{
		Handler:                      NewHTTPHandler(h, d, o),
		DisableGeneralOptionsHandler: true, // `OPTIONS *` is the application's
		ReadHeaderTimeout:            o.HeaderTimeout,
		IdleTimeout:                  o.IdleTimeout,
		MaxHeaderBytes:               o.MaxHeaderBytes,
		ErrorLog:                     log.New(errorLog{o.Log}, "", 0),
		ConnContext:                  withConnEnds,
		ConnState:                    s.new.changed,
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
	err := s.http.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown stops accepting, closes idle connections, and returns nil once the requests that were under way
// have been answered (with `Connection: close`). When ctx is done before that it returns ctx.Err(); what
// is under way then goes on until Close.
func (s *Server) Shutdown(ctx context.Context) error {
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
