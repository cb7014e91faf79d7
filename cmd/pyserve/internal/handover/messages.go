//go:build linux

package handover

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

// A Control is one end of the socket between a master and a worker. Messages are short texts; their order is
// kept, and the end of one process is the end of the other's Receive. Methods may be called concurrently.
type Control struct{ fd int }

// The messages. What follows the first word of some, after a space, is for people.
const (
	Ready  = "ready"  // worker: the application is imported, and I accept connections
	Retire = "retire" // worker: let another take my place
	Stuck  = "stuck"  // worker: the same, and do not count on my leaving by myself
	Leave  = "leave"  // worker: I leave, as somebody else than the master has told me to, by a signal
	Left   = "left"   // worker: I end now, all requests and exit functions are through
	Change = "change" // worker: the application's files have changed, with the first of them (--reload)
	Drain  = "drain"  // master: another has taken your place
	Finish = "finish" // master: leave
	Quit   = "quit"   // master: leave immediately
)

const maxMessage = 4096

// Pair returns both ends of a new socket: the master's, and the descriptor for the worker's. Both are closed on
// exec; whoever starts the worker hands it a copy.
func Pair() (master *Control, worker int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, fmt.Errorf("socketpair: %w", err)
	}
	return &Control{fds[0]}, fds[1], nil
}

// Open returns the worker's end, whose descriptor is no longer the caller's.
func Open(fd int) *Control {
	unix.CloseOnExec(fd)
	return &Control{fd}
}

// FD returns the descriptor, which stays c's.
func (c *Control) FD() int { return c.fd }

// Send sends a message; text is cut to what fits. It blocks only while the other end has many unread.
func (c *Control) Send(message, text string) error {
	if text != "" {
		message += " " + text
	}
	for {
		err := unix.Sendto(c.fd, []byte(message)[:min(len(message), maxMessage)], unix.MSG_NOSIGNAL, nil)
		if err != unix.EINTR {
			return err
		}
	}
}

// Receive waits for a message. It fails with io.EOF when the other end is gone, or after Shutdown once all has
// been read.
func (c *Control) Receive() (message, text string, err error) {
	buffer := make([]byte, maxMessage)
	for {
		n, err := unix.Read(c.fd, buffer)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ECONNRESET), n == 0 && err == nil:
			return "", "", io.EOF
		case err != nil:
			return "", "", err
		default:
			message, text, _ = strings.Cut(string(buffer[:n]), " ")
			return message, text, nil
		}
	}
}

// Shutdown ends a Receive that waits. A process that the application has forked may hold the worker's end open
// long after the worker's own end.
func (c *Control) Shutdown() { _ = unix.Shutdown(c.fd, unix.SHUT_RDWR) }

// Close closes the socket; nobody may be in another method.
func (c *Control) Close() error { return unix.Close(c.fd) }
