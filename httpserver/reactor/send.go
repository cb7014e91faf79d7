//go:build linux

package reactor

import (
	"errors"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

// joined is how large content may be to be copied behind the head rather than sent from where it is.
const joined = 8 << 10

// send sends buf, p and tail. What the client does not take is kept in the connection's out, up to a bound
// beyond which send waits.
func (res *response) send(p []byte, tail string) error {
	c := res.c
	res.sent = true
	if c.out != nil {
		if err := res.keep(res.buf, p, []byte(tail)); err != nil {
			return err
		}
		return res.await()
	}
	if len(p) <= joined {
		res.buf = append(append(res.buf, p...), tail...)
		n, err := c.writeAll(res.buf)
		if err != nil {
			return res.broken(err)
		}
		return res.keep(res.buf[n:])
	}
	n, err := res.vector(p, tail)
	if err != nil {
		return res.broken(err)
	}
	parts := [][]byte{res.buf, p, []byte(tail)}
	for i, part := range parts {
		skip := min(n, len(part))
		parts[i], n = part[skip:], n-skip
	}
	if err := res.keep(parts...); err != nil {
		return err
	}
	if c.out != nil {
		c.outTried = c.out.Size() // it has just been tried
	}
	return res.await()
}

// hold puts buf and p into the outbox if they are the whole answer and that is wanted.
func (res *response) hold(p []byte) bool {
	if !res.holds || !res.p.r.sched.single.Load() || res.last || res.sent || res.c.file != nil || res.aborted || len(p) > joined || res.mode != byLength ||
		res.length > res.written && !res.noContent || !res.p.hold(res.c, res.buf, p) {
		return false
	}
	res.held, res.sent, res.buf = true, true, res.buf[:0]
	return true
}

// vector writes buf, p and tail by one call. It returns how many bytes the client took.
func (res *response) vector(p []byte, tail string) (int, error) {
	var vector [3]unix.Iovec
	n := 0
	for _, part := range [][]byte{res.buf, p, []byte(tail)} {
		if len(part) > 0 {
			vector[n].Base = &part[0]
			vector[n].SetLen(len(part))
			n++
		}
	}
	for {
		n, err := rawWritev(res.c.fd, vector[:n])
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		case nil:
			res.c.written += int64(n)
			return n, nil
		default:
			return n, err
		}
	}
}

// keep adds parts to the connection's out, and empties buf.
func (res *response) keep(parts ...[]byte) error {
	c := res.c
	for _, part := range parts {
		if len(part) == 0 {
			continue
		}
		if c.out == nil {
			c.newOut()
		}
		if !res.p.inside { // a refusal: it is small, and nobody may wait for a disk
			c.out.Keep(part)
			continue
		}
		n, err := c.out.Write(part)
		if err != nil {
			err = res.press(part[n:], err)
		}
		if err != nil {
			return res.broken(err)
		}
	}
	res.buf = res.buf[:0]
	return nil
}

// newOut makes a place for what the client has not taken.
func (c *conn) newOut() {
	c.out, c.outSent, c.outTried = c.r.http.NewSpool(responseMemory), 0, 0
}

// await sends what it can of the connection's out, and blocks while too much is left.
func (res *response) await() error {
	c := res.c
	for c.out != nil {
		// What was sent still takes its room in the spool, until that is empty.
		tooMuch := c.out.Size() > c.r.o.Limits.ResponseBuffer
		if !tooMuch && !c.tryAgain() {
			return nil
		}
		state, err := res.p.drain(c)
		if err != nil {
			return res.broken(err)
		}
		if state == through || !tooMuch {
			return nil
		}
		if err := res.awaitRoom(); err != nil {
			return res.broken(err)
		}
	}
	return nil
}

// outStep is how much is added to a connection's out before the client is tried again that took no more, though the kernel
// has not said that it does now. To try with each piece would cost a system call a piece.
const outStep = 64 << 10

// tryAgain reports whether the client is likely to take something of out.
func (c *conn) tryAgain() bool {
	told := c.bits.Load()&unix.EPOLLOUT != 0
	if told {
		c.bits.And(^uint32(unix.EPOLLOUT))
	}
	if !told && c.out.Size()-c.outTried < outStep {
		return false
	}
	c.outTried = c.out.Size()
	return true
}

func (res *response) broken(err error) error {
	res.buf = res.buf[:0]
	res.failed = errors.Join(httpserver.ErrDisconnected, err)
	return res.failed
}

// writeAll is write(2) until everything is out or the client takes no more.
func (c *conn) writeAll(p []byte) (n int, err error) {
	for n < len(p) {
		m, err := rawWrite(c.fd, p[n:])
		switch err {
		case nil:
			n += m
			c.written += int64(m)
		case unix.EINTR:
		case unix.EAGAIN:
			return n, nil
		default:
			return n, err
		}
	}
	return n, nil
}

// pollTime is left in milliseconds, rounded up, as poll(2) takes it.
func pollTime(left time.Duration) int {
	if left <= 0 {
		return 0
	}
	return int(min((left-1)/time.Millisecond+1, math.MaxInt32))
}

// wait blocks until the descriptor is ready for events, or fails with os.ErrDeadlineExceeded.
func (c *conn) wait(events int16, timeout time.Duration) error {
	began := time.Now()
	for {
		fds := []unix.PollFd{{Fd: int32(c.fd), Events: events}}
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
