package nethttp

import (
	"net"
	"sync"
	"syscall"

	"github.com/pyserve/pyserve/httpserver"
)

// watchedListener informs a [httpserver.DescriptorWatcher] of its own descriptor and of those it accepts. Connections
// keep their type inside, because net/http asks for sendfile(2) and half-closing by methods.
type watchedListener struct {
	net.Listener
	watcher httpserver.DescriptorWatcher
	closed  func()
}

type watchedTCP struct {
	*net.TCPConn
	closed func()
}

type watchedUnix struct {
	*net.UnixConn
	closed func()
}

func watchListener(l net.Listener, w httpserver.DescriptorWatcher) net.Listener {
	return &watchedListener{Listener: l, watcher: w, closed: watchDescriptor(l, w)}
}

// watchDescriptor tells w that c's descriptor is open, and returns what is to be called before c is closed.
func watchDescriptor(c any, w httpserver.DescriptorWatcher) (closed func()) {
	fd, ok := descriptor(c)
	if !ok {
		return func() {}
	}
	w.Opened(fd)
	return sync.OnceFunc(func() { w.Closed(fd) })
}

// descriptor returns the descriptor behind c without taking it out of Go's poller.
func descriptor(c any) (fd int, ok bool) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return 0, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(d uintptr) { fd = int(d) })
	return fd, err == nil
}

// Accept implements net.Listener.
func (l *watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	switch c := c.(type) {
	case *net.TCPConn:
		return &watchedTCP{c, watchDescriptor(c, l.watcher)}, nil
	case *net.UnixConn:
		return &watchedUnix{c, watchDescriptor(c, l.watcher)}, nil
	}
	return c, nil
}

// Close implements net.Listener.
func (l *watchedListener) Close() error {
	l.closed()
	return l.Listener.Close()
}

// Close implements net.Conn.
func (c *watchedTCP) Close() error {
	c.closed()
	return c.TCPConn.Close()
}

// Close implements net.Conn.
func (c *watchedUnix) Close() error {
	c.closed()
	return c.UnixConn.Close()
}
