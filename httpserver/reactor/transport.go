//go:build linux

package reactor

import (
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// transport is a connection's socket: all system calls on it are made here. The descriptor is non-blocking. Its owner
// reads and writes; cut may be called by anybody.
type transport struct {
	fd      int
	written int64 // to the socket, ever, but for heads

	mu   sync.Mutex // held while the descriptor is closed, or shut down by who does not own the connection
	gone bool
}

// read is read(2) without the Go scheduler, as the descriptor does not block. drained says that nothing more is there.
// At the end, n is 0 and err is nil; when nothing is there, err is EAGAIN.
func (t *transport) read(p []byte) (n int, drained bool, err error) {
	for {
		n, err := rawRead(t.fd, p)
		if err != unix.EINTR {
			return n, n < len(p), err
		}
	}
}

// write writes until everything is out or the client takes no more: n is less than len(p) then, and err is nil.
func (t *transport) write(p []byte) (n int, err error) {
	for n < len(p) {
		m, err := rawWrite(t.fd, p[n:])
		switch err {
		case nil:
			n += m
			t.written += int64(m)
		case unix.EINTR:
		case unix.EAGAIN:
			return n, nil
		default:
			return n, err
		}
	}
	return n, nil
}

// writev writes parts by one call. It returns how many bytes the client took, which may be none.
func (t *transport) writev(parts ...[]byte) (int, error) {
	var vector [3]unix.Iovec
	n := 0
	for _, part := range parts {
		if len(part) > 0 {
			vector[n].Base = &part[0]
			vector[n].SetLen(len(part))
			n++
		}
	}
	for {
		n, err := rawWritev(t.fd, vector[:n])
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		case nil:
			t.written += int64(n)
			return n, nil
		default:
			return n, err
		}
	}
}

// sendfile sends up to n bytes of file from *offset on, which it moves. When the client takes no more, err is EAGAIN.
func (t *transport) sendfile(file *os.File, offset *int64, n int) (int, error) {
	sent, err := rawSendfile(t.fd, file, offset, n)
	t.written += int64(max(sent, 0))
	return sent, err
}

// await blocks until the socket is ready for events, or fails with os.ErrDeadlineExceeded.
func (t *transport) await(events int16, timeout time.Duration) error {
	began := time.Now()
	for {
		fds := []unix.PollFd{{Fd: int32(t.fd), Events: events}}
		n, err := unix.Poll(fds, pollTime(timeout-time.Since(began)))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n == 0 && time.Since(began) < timeout:
		case n == 0:
			return os.ErrDeadlineExceeded
		default:
			return nil
		}
	}
}

// pollTime is left in milliseconds, rounded up, as poll(2) takes it.
func pollTime(left time.Duration) int {
	if left <= 0 {
		return 0
	}
	return int(min((left-1)/time.Millisecond+1, math.MaxInt32))
}

// pending reports whether something has come that was not read.
func (t *transport) pending() bool {
	var buffer [1]byte
	n, _, err := unix.Recvfrom(t.fd, buffer[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return err == nil && n > 0
}

// taken is how many bytes the client has taken since the connection began. The kernel says that there is room again only
// when much has gone out, so what it still holds is counted, not how much it has taken in.
func (t *transport) taken() int64 {
	held, err := unix.IoctlGetInt(t.fd, unix.SIOCOUTQ)
	if err != nil {
		held = 0
	}
	return t.written - int64(held)
}

// stopReading ends what the client sends: a read finds the end. Who waits for it is woken.
func (t *transport) stopReading() { _ = unix.Shutdown(t.fd, unix.SHUT_RD) }

// stopWriting tells the client that nothing more comes.
func (t *transport) stopWriting() { _ = unix.Shutdown(t.fd, unix.SHUT_WR) }

// close closes the descriptor. The shutdown comes first, because a process that the application has forked may hold
// another descriptor of the socket.
func (t *transport) close() {
	_ = unix.Shutdown(t.fd, unix.SHUT_RDWR)
	t.closeDescriptor()
}

// closeDescriptor closes the descriptor. The connection goes on if there is another one of it.
func (t *transport) closeDescriptor() {
	t.mu.Lock()
	t.gone = true
	_ = unix.Close(t.fd)
	t.mu.Unlock()
}

// cut ends the connection under its owner, who finds it broken; by a reset if the client would otherwise take the end of
// the connection for the end of the content.
func (t *transport) cut(reset bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return
	}
	if reset {
		t.disconnect()
	}
	_ = unix.Shutdown(t.fd, unix.SHUT_RDWR)
}

// disconnect has the client see an error, not an end. It works on TCP only.
func (t *transport) disconnect() { disconnect(t.fd) }
