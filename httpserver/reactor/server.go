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
	r.handler, r.o.HTTP = h, httpDefaults(o)
	if d := o.Descriptors; d != nil {
		for _, fd := range r.descriptors() {
			d.Opened(fd)
		}
	}
	r.sweeping.Do(func() { r.background(r.sweep) })
	return &Server{r: r}
}

// Serve has the connections of l served until Shutdown or Close, and then returns nil. It closes l.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return l.Close()
	}
	in, err := s.listen(l)
	if err == nil {
		s.listeners = append(s.listeners, in)
	}
	s.mu.Unlock()
	if err != nil {
		l.Close()
		return err
	}
	<-in.closed
	return nil
}

func (s *Server) listen(l net.Listener) (*listener, error) {
	if !s.r.acquire() {
		return nil, httpserver.ErrClosed
	}
	defer s.r.release()
	return s.r.listen(l)
}

// stop ends accepting. Who has connected already is let in first if last is true: the kernel would reset
// what waits there.
func (s *Server) stop(last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if b := s.r.balancer; b != nil {
		b.end()
		defer b.leave()
	}
	for _, in := range s.listeners {
		for last && s.r.accept(in, nil) {
		}
		s.r.unlisten(in)
	}
	s.listeners = nil
}

// Drain implements httpserver.Engine.
func (s *Server) Drain(ctx context.Context) {
	s.r.leaving.Store(true) // before anybody can see that nobody listens
	if s.r.acquire() {
		s.stop(false) // others accept who waits there
		s.r.release()
	}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for s.r.stats.Connections.Load() > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Shutdown stops accepting, closes idle connections after a last read, and returns nil once the requests
// that were under way have been answered, with `Connection: close`. When ctx is done before that it returns
// ctx.Err(); what is under way goes on. In any case it logs what was counted.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.r.stats.Log(s.r.o.Log)
	s.r.leaving.Store(true)
	if s.r.acquire() {
		s.stop(true)
		s.r.release()
	}
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

// Close closes all listeners and connections at once, without waiting for requests under way: those see a
// client that has disconnected.
func (s *Server) Close() error {
	if !s.r.acquire() {
		return nil
	}
	defer s.r.release()
	s.stop(false)
	s.r.leaving.Store(true)
	s.r.draining.Store(true)
	s.r.table.each(func(c *conn) {
		if c.own.claim() || c.takeFromPool() {
			c.close()
		} else {
			c.kill()
		}
	})
	return nil
}
