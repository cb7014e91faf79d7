package httpserver

import (
	"fmt"
	"net"
	"os"
)

// Inherit makes a listener of a descriptor that another process has opened and handed down. The descriptor, which
// belongs to the listener from then on, keeps its mode: one that is shared must never become blocking. Closing
// the listener does not remove a unix socket from its folder; see [Adopt].
func Inherit(fd int) (net.Listener, error) {
	s, err := inherit(fd)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func inherit(fd int) (*socket, error) {
	f := os.NewFile(uintptr(fd), fmt.Sprintf("listener %d", fd))
	if f == nil {
		return nil, fmt.Errorf("%d is not an open descriptor", fd)
	}
	l, err := net.FileListener(f) // a copy of its own
	f.Close()
	if err != nil {
		return nil, err
	}
	return newSocket(l)
}

// Adopt is Inherit for whoever is responsible for the listener from then on: closing it removes a unix socket from
// its folder, as with [Listen].
func Adopt(fd int) (net.Listener, error) {
	s, err := inherit(fd)
	if err != nil {
		return nil, err
	}
	if path := s.Addr().String(); s.Addr().Network() == "unix" && !abstract(path) {
		return ownUnix(s, path)
	}
	return s, nil
}

// Abandon closes l as another process goes on with it: a unix socket stays in its folder.
func Abandon(l net.Listener) error {
	if u, ok := l.(*unixListener); ok {
		return u.socket.Close()
	}
	return l.Close()
}
