//go:build linux

package reactor

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// Server serves requests from listeners. All methods may be called concurrently.
type Server struct {
	r         *Reactor
	mu        sync.Mutex
	listeners []*listener
	closed    bool
}

// NewServer returns the server of r; there is one. h is called on r's threads, and o replaces what r has for
// Options.HTTP. It must be called before the first connection, between New and Serve.
func (r *Reactor) NewServer(h httpserver.Handler, o httpserver.Options) *Server {
	r.handler, r.o.HTTP = h, o
	r.o = r.o.withDefaults()
	r.sweeping.Do(func() { go r.sweep() })
	return &Server{r: r}
}

// Serve has the connections of l served until Shutdown or Close, and then returns nil. It closes l.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return l.Close()
	}
	in, err := s.r.listen(l)
	if err == nil {
		s.listeners = append(s.listeners, in)
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	<-in.closed
	return nil
}

// stop ends accepting.
func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, in := range s.listeners {
		s.r.unlisten(in)
	}
}

// Shutdown stops accepting, closes idle connections after a last read, and returns nil once the requests
// that were under way have been answered, with `Connection: close`. When ctx is done before that it returns
// ctx.Err(); what is under way goes on.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	s.r.draining.Store(true)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for s.r.stats.Connections.Load() > 0 {
		select {
		case s.r.drains <- struct{}{}:
		default:
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Close stops accepting, and closes all connections that no thread is at work on.
func (s *Server) Close() error {
	s.stop()
	s.r.table.each(func(c *conn) {
		if c.claim() {
			c.close()
		}
	})
	return nil
}
