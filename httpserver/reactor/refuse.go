//go:build linux

package reactor

import (
	"errors"
	"net/http"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// refuse answers by a status of the server's own, says why in the log, and closes. h may be nil.
func (w *worker) refuse(c *conn, h *http1.Head, status int, reason string) {
	w.r.refused.Info(w.r.o.Log, "request refused", "status", status, "reason", reason, "remote", c.remote)
	w.turnAway(c, h, status)
}

// turnAway answers by a status of the server's own and closes. h may be nil.
func (w *worker) turnAway(c *conn, h *http1.Head, status int) {
	w.r.counters.Own(status)
	method := ""
	if h != nil {
		method = string(h.Method)
	}
	answer := httpserver.OwnAnswer(status)
	res := &w.scratch.res
	res.begin(w, c, 1, true)
	err := answer.Send(res, method)
	res.end()
	w.logAccess(c, h, status, res.written, err != nil || res.aborted)
	c.dropRequest()
	if res.aborted {
		c.close()
		return
	}
	w.beginLinger(c)
}

// refuseBody refuses the request whose content comes in.
func (w *worker) refuseBody(c *conn, status int, reason string) {
	w.refuse(c, w.headOf(c), status, reason)
}

// malformed answers what is no HTTP. What is known of the head is in w.scratch.
func (w *worker) malformed(c *conn, err error) {
	fault := &http1.Error{Status: http.StatusBadRequest, Reason: err.Error()}
	errors.As(err, &fault)
	w.r.counters.Malformed.Add(1)
	w.scratch.parser.Reset()
	h := &w.scratch.head
	h.Fields, h.Minor = h.Fields[:0], 1
	w.refuse(c, h, fault.Status, fault.Reason)
}

// overloaded refuses a request that came out of the queue, or did not get in. Each reason has a throttle of its
// own, so that the lines of one do not hide another's.
func (w *worker) overloaded(c *conn, lines *httpserver.Throttle, reason string) {
	lines.Log(w.r.o.Log, "refused with 503: "+reason)
	h := w.headOf(c)
	w.turnAway(c, h, http.StatusServiceUnavailable)
}

// beginLinger goes on reading until the client is through: closing at once would reset the connection,
// and the client might never see the answer (RFC 9112, section 9.6).
func (w *worker) beginLinger(c *conn) {
	c.forget()
	c.parser = nil
	if c.out != nil { // the answer itself has to go out first
		c.phase, c.closeAfter, c.unread = phaseFlush, true, true
		return
	}
	c.phase = phaseLinger
	unix.Shutdown(c.fd, unix.SHUT_WR)
	c.lingerBefore = w.r.now() + int64(w.r.o.Limits.Linger)
	c.expire(w.r.o.Limits.LingerIdle())
}

// drainLinger is how much longer a client may linger once the server drains: it has its answer, and a second is
// many round trips.
const drainLinger = time.Second

// hastenLinger cuts the time to linger short, if that has not been done yet. now is Reactor.now.
func (c *conn) hastenLinger(now int64) {
	c.lingerBefore = min(c.lingerBefore, now+int64(drainLinger))
	c.deadline.Store(min(c.deadline.Load(), c.lingerBefore))
}

func (w *worker) linger(c *conn) {
	buffer := w.outBuffer()
	for range readTurn {
		n, err := c.read(buffer)
		if err == unix.EAGAIN {
			until := w.r.now() + int64(w.r.o.Limits.LingerIdle())
			c.deadline.Store(min(until, c.lingerBefore))
			return
		}
		if err != nil || n == 0 {
			c.close()
			return
		}
	}
	if w.r.now() > c.lingerBefore {
		c.close()
		return
	}
	w.r.again(c)
}

// next goes on after a response that the client has, or closes. c.unread says that something of what the
// client sends has not been read, and will not be.
func (w *worker) next(c *conn, last bool) {
	switch {
	case !last:
		c.phase = phaseHead
	case c.unread:
		w.beginLinger(c)
	default:
		w.closeAfterResponse(c)
	}
}

// closeAfterResponse closes the connection, unless the client has sent something that nobody has read: the
// kernel would reset the connection then, and the response could be lost (RFC 9112, section 9.6).
func (w *worker) closeAfterResponse(c *conn) {
	var probe [512]byte
	if n, err := c.read(probe[:]); err == nil && n > 0 {
		w.beginLinger(c)
		return
	}
	c.close()
}

// arrival is when the request at hand had its head read.
func (w *worker) arrival(c *conn) time.Time {
	if c.arrived == 0 {
		return w.clock.at
	}
	return c.r.start.Add(time.Duration(c.arrived))
}
