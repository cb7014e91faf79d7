//go:build linux

package reactor

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// bell is a datagram socket by which other workers get this one out of epoll_wait. The kernel chooses its address in
// the abstract namespace: five hexadecimal digits (unix(7), "Autobind feature"). Any process of the same network
// namespace can ring; the worker then looks for connections in vain.
type bell struct {
	fd      int
	address uint32 // its number and one; 0 is none
}

// bellFd marks the bell among the events.
const bellFd = -2

func newBell() (b bell, err error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return bell{}, fmt.Errorf("socket: %w", err)
	}
	b = bell{fd: fd}
	if err := unix.Bind(fd, &unix.SockaddrUnix{}); err != nil {
		b.close()
		return bell{}, fmt.Errorf("bind: %w", err)
	}
	if b.address, err = boundTo(fd); err != nil {
		b.close()
	}
	return b, err
}

func boundTo(fd int) (uint32, error) {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, fmt.Errorf("getsockname: %w", err)
	}
	digits, ok := strings.CutPrefix(name.(*unix.SockaddrUnix).Name, "@")
	number, err := strconv.ParseUint(digits, 16, 24)
	if !ok || len(digits) != 5 || err != nil {
		return 0, fmt.Errorf("the kernel has given a socket a strange address: %q", digits)
	}
	return uint32(number) + 1, nil
}

// ring reports whether somebody is there to hear it, who need not listen.
func (b bell) ring(address uint32) bool {
	to := unix.SockaddrUnix{Name: fmt.Sprintf("@%05x", address-1)}
	err := unix.Sendto(b.fd, []byte{0}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, &to)
	return err == nil || err == unix.EAGAIN || err == unix.ENOBUFS // it rings already
}

// silence takes back all calls that have come. It must be called before looking for connections.
func (b bell) silence() {
	var buffer [8]byte
	for {
		if _, _, err := unix.Recvfrom(b.fd, buffer[:], unix.MSG_DONTWAIT); err != nil && err != unix.EINTR {
			return
		}
	}
}

func (b bell) close() { unix.Close(b.fd) }
