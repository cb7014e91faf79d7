//go:build linux

package reactor

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

// departure says when the answer at hand leaves the process. Nothing else decides it:
//
//	what is sent                               leaves
//	a whole small answer to a short request,   with the answers to the requests that came together: it is held in the
//	while one thread is active                 poller's outbox, for at most holdTime (see there)
//	all else                                   now, by one system call, before the handler goes on
//	what the client does not take of it        when it takes more, by whoever polls then: it is kept in conn.out. The
//	                                           handler goes on, unless more than Limits.ResponseBuffer is kept: then it waits
//	a file                                     when the handler is through: with the head if it is small and in the page
//	                                           cache (response.sendCached), else by the I/O pool (poller.flush)
//
// buf collects what is to go out with the next call: the head, small content, framing.
type departure struct {
	p       *poller
	c       *conn
	buf     []byte
	sent    bool      // something has gone out, or into the outbox
	mayHold bool      // nothing else of the client's has come: it waits for this answer alone
	held    bool      // the answer is in the outbox
	allowed allowance // for the client to take the response; begun when it is first waited for
}

// joined is how large content may be to be copied behind the head rather than sent from where it is.
const joined = 8 << 10

// send sends buf, content and tail, which are the answer's last bytes and its only ones if whole is true. What it returns
// is the transport's error.
func (d *departure) send(content []byte, tail string, whole bool) error {
	c := d.c
	if whole && d.hold(content) {
		return nil
	}
	d.sent = true
	switch {
	case c.out.spool != nil:
		return d.keepAndAwait(0, d.buf, content, []byte(tail))
	case len(content) <= joined:
		d.buf = append(append(d.buf, content...), tail...)
		n, err := c.write(d.buf)
		if err != nil {
			return err
		}
		return d.keep(n, d.buf)
	}
	n, err := c.writev(d.buf, content, []byte(tail))
	if err != nil {
		return err
	}
	return d.keepAndAwait(n, d.buf, content, []byte(tail))
}

// hold puts buf and content, a whole answer, into the outbox if that is wanted.
func (d *departure) hold(content []byte) bool {
	if !d.mayHold || d.sent || len(content) > joined || !d.p.r.sched.single.Load() ||
		!d.p.outbox.put(d.c, d.buf, content, d.p.began, d.p.clock.now) {
		return false
	}
	d.held, d.sent, d.buf = true, true, d.buf[:0]
	return true
}

// keep adds parts to what the client has not taken, but for their first n bytes, and empties buf.
func (d *departure) keep(n int, parts ...[]byte) error {
	out := &d.c.out
	for _, part := range parts {
		skip := min(n, len(part))
		n -= skip
		if part = part[skip:]; len(part) == 0 {
			continue
		}
		out.open(d.c.r)
		if !d.p.inside { // a refusal: it is small, and nobody may wait for a disk
			out.spool.Keep(part)
			continue
		}
		if n, err := out.spool.Write(part); err != nil {
			if err = d.press(part[n:], err); err != nil {
				return err
			}
		}
	}
	d.buf = d.buf[:0]
	return nil
}

// keepAndAwait keeps parts as keep does. Then it sends what it can, and blocks while too much is kept.
func (d *departure) keepAndAwait(n int, parts ...[]byte) error {
	c, tried := d.c, d.c.out.spool == nil
	if err := d.keep(n, parts...); err != nil {
		return err
	}
	if tried && c.out.spool != nil {
		c.out.tried = c.out.spool.Size()
	}
	for c.out.spool != nil {
		// What was sent still takes its room in the spool, until that is empty.
		tooMuch := c.out.spool.Size() > c.r.o.Limits.ResponseBuffer
		if !tooMuch && !c.tryAgain() {
			return nil
		}
		state, err := d.p.drain(c)
		if err != nil || state == through || !tooMuch {
			return err
		}
		if err := d.awaitRoom(); err != nil {
			return err
		}
	}
	return nil
}

// press sends what is kept, which has no room for more because of err, and then part. It blocks the handler until the
// client has taken all of it: a full disk makes a response slower, never shorter. Only threads get here: what the
// reactor's own goroutines send fits into memory.
func (d *departure) press(part []byte, err error) error {
	c := d.c
	c.r.counters.SpoolDiskWaits.Add(1)
	c.r.spools.Response(c.r.o.Log, c.r.http.SpoolDir, err)
	for c.out.spool != nil {
		state, err := d.p.drain(c)
		if err == nil && state != through {
			err = d.awaitRoom()
		}
		if err != nil {
			return err
		}
	}
	for {
		n, err := c.write(part)
		if part = part[n:]; err != nil || len(part) == 0 {
			return err
		}
		if err := d.awaitRoom(); err != nil {
			return err
		}
	}
}

// awaitRoom blocks until the client takes more, for no longer than Limits.WriteTimeout and ResponseRate allow.
func (d *departure) awaitRoom() error {
	r := d.c.r
	if d.allowed.rate.Grace == 0 {
		d.allowed = newAllowance(r.o.Limits.Response(), d.c.taken())
	}
	err := d.allowed.wait(d.c, unix.POLLOUT, d.c.taken)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.counters.WriteTimeouts.Add(1)
		r.cut.Info(r.o.Log, "the client did not take the response in time: the connection is cut off", "remote", d.c.remote)
	}
	return err
}

// sendInterim sends buf, an interim response. The answer has not begun by that, unless the client does not take it: then
// nothing can take it back.
func (d *departure) sendInterim() error {
	if d.c.out.spool != nil {
		return d.keep(0, d.buf)
	}
	n, err := d.c.write(d.buf)
	if err != nil {
		return err
	}
	d.sent = d.sent || n < len(d.buf)
	return d.keep(n, d.buf)
}

// send has content, and tail behind it, leave.
func (res *response) send(content []byte, tail string) error {
	whole := !res.last && !res.aborted && res.c.out.file == nil && res.mode == byLength && (res.length <= res.written || res.noContent)
	return res.transported(res.departure.send(content, tail, whole))
}

// transported keeps an error of the transport: all that follows fails alike.
func (res *response) transported(err error) error {
	if err != nil {
		res.buf = res.buf[:0]
		res.failed = errors.Join(httpserver.ErrDisconnected, err)
	}
	return res.failed
}
