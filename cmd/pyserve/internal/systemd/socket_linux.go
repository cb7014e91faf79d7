package systemd

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"golang.org/x/sys/unix"
)

// inspect returns the address of a listening stream socket. The error goes on from "the socket …", and says which line
// of the socket unit to fix. The descriptor is left as it is: it may be somebody else's.
func inspect(fd int) (address string, err error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	switch {
	case errors.Is(err, unix.EBADF):
		return "", errors.New("is not open: LISTEN_FDS promises more sockets than there are")
	case errors.Is(err, unix.ENOTSOCK):
		return "", errors.New("is not a socket: only ListenStream= can be served")
	case err != nil:
		return "", fmt.Errorf("cannot be looked at: %w", err)
	case kind != unix.SOCK_STREAM:
		return "", errors.New("is not a stream socket: use ListenStream= instead of ListenDatagram= or ListenSequentialPacket=")
	}
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return "", fmt.Errorf("cannot be looked at: %w", err)
	}
	if listening == 0 {
		return "", errors.New("does not listen, it is a connection: use Accept=no")
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return "", fmt.Errorf("has no address: %w", err)
	}
	return describe(name)
}

func describe(name unix.Sockaddr) (string, error) {
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		return net.JoinHostPort(net.IP(name.Addr[:]).String(), strconv.Itoa(name.Port)), nil
	case *unix.SockaddrInet6:
		return net.JoinHostPort(net.IP(name.Addr[:]).String(), strconv.Itoa(name.Port)), nil
	case *unix.SockaddrUnix:
		return "unix:" + name.Name, nil // an abstract one begins with @
	}
	return "", errors.New("has an address family that cannot be served: use an IP address or a path in ListenStream=")
}

// prepare makes a descriptor non-blocking, which systemd's are not without NonBlocking=, and close-on-exec.
func prepare(fd int) error {
	if err := unix.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("cannot be made non-blocking: %w", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return fmt.Errorf("cannot be made close-on-exec: %w", err)
	}
	return nil
}
