package httpserver

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket is a listening socket that Go's poller does not know before the first Accept. The poller would wake every process
// that has the socket for each connection, also the master, which accepts none, and workers whose engine polls itself.
type socket struct {
	addr net.Addr

	mu        sync.Mutex
	fd        int // -1 when closed
	accepting net.Listener
}

// newSocket takes the descriptor of l, which is closed; a unix socket stays in its folder.
func newSocket(l net.Listener) (*socket, error) {
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	defer l.Close()
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{addr: l.Addr()}
	if controlErr := raw.Control(func(fd uintptr) { s.fd, err = duplicate(int(fd)) }); controlErr != nil {
		return nil, controlErr
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func duplicate(fd int) (int, error) {
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return fd, os.NewSyscallError("fcntl", err)
}

// Accept implements net.Listener.
func (s *socket) Accept() (net.Conn, error) {
	l, err := s.polled()
	if err != nil {
		return nil, err
	}
	return l.Accept()
}

// polled returns a listener on the same socket that Go's poller knows.
func (s *socket) polled() (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return nil, net.ErrClosed
	}
	if s.accepting != nil {
		return s.accepting, nil
	}
	fd, err := duplicate(s.fd)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), s.addr.String())
	defer f.Close()
	s.accepting, err = net.FileListener(f) // a copy of its own
	return s.accepting, err
}

// Addr implements net.Listener.
func (s *socket) Addr() net.Addr { return s.addr }

// Close implements net.Listener. A unix socket stays in its folder.
func (s *socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return net.ErrClosed
	}
	err := os.NewSyscallError("close", unix.Close(s.fd))
	s.fd = -1
	if s.accepting != nil {
		err = errors.Join(err, s.accepting.Close())
	}
	return err
}

// SyscallConn implements syscall.Conn: only Control of what it returns is of use.
func (s *socket) SyscallConn() (syscall.RawConn, error) { return rawSocket{s}, nil }

type rawSocket struct{ *socket }

// Control implements syscall.RawConn. The descriptor stays open while f runs.
func (s rawSocket) Control(f func(fd uintptr)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return net.ErrClosed
	}
	f(uintptr(s.fd))
	return nil
}

// Read implements syscall.RawConn.
func (rawSocket) Read(func(fd uintptr) bool) error { return syscall.EINVAL }

// Write implements syscall.RawConn.
func (rawSocket) Write(func(fd uintptr) bool) error { return syscall.EINVAL }
