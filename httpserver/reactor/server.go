//go:build linux

package reactor

import (
	"context"
	"net"
	"sync"

	"github.com/pyserve/pyserve/httpserver"
)

// Server serves requests from listeners. All methods may be called concurrently.
type Server struct {
	r         *Reactor
	mu        sync.Mutex
	listeners []*listener
	closed    bool
}

// NewServer returns the server of r; there is one. h is called on r's threads. It must be called before the first connection, between New and Serve.
func (r *Reactor) NewServer(h httpserver.Handler, o httpserver.Options) *Server {
	r.handler, r.http = h, o.WithDefaults()
	if d := o.Descriptors; d != nil {
		for _, fd := range r.descriptors() {
			d.Opened(fd)
		}
	}
	r.sweeping.Do(func() { r.background(r.sweep) })
	return &Server{r: r}
}

// Serve implements httpserver.Engine.
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
		b.withdraw()
		defer b.handBack()
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
	_ = httpserver.Await(ctx, s.r.deserted)
}

// Shutdown implements httpserver.Engine. Idle connections are closed after a last read.
func (s *Server) Shutdown(ctx context.Context) error {
	defer func() {
		stats := s.r.row.Stats()
		stats.Log(s.r.o.Log)
	}()
	s.r.leaving.Store(true)
	if s.r.acquire() {
		s.stop(true)
		s.r.release()
	}
	s.r.draining.Store(true)
	return httpserver.Await(ctx, func() bool {
		if s.r.deserted() {
			return true
		}
		select {
		case s.r.drains <- struct{}{}:
		default:
		}
		return false
	})
}

// deserted reports whether there is no connection.
func (r *Reactor) deserted() bool { return r.counters.Connections.Load() == 0 }

// Close implements httpserver.Engine.
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
			c.cut(false)
		}
	})
	return nil
}
