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
func (p *poller) refuse(c *conn, h *http1.Head, status int, reason string) {
	p.r.refused.Info(p.r.o.Log, "request refused", "status", status, "reason", reason, "remote", c.remote)
	p.turnAway(c, h, status)
}

// turnAway answers by a status of the server's own and closes. h may be nil.
func (p *poller) turnAway(c *conn, h *http1.Head, status int) {
	p.r.counters.Own(status)
	method := ""
	if h != nil {
		method = string(h.Method)
	}
	answer := httpserver.OwnAnswer(status)
	res := &p.scratch.res
	res.begin(p, c, 1, true)
	err := answer.Send(res, method)
	res.end()
	p.logAccess(c, h, status, res.written, err != nil || res.aborted)
	c.dropRequest()
	if res.aborted {
		c.close()
		return
	}
	p.beginLinger(c)
}

// refuseBody refuses the request whose content comes in.
func (p *poller) refuseBody(c *conn, status int, reason string) {
	p.refuse(c, p.headOf(c), status, reason)
}

// malformed answers what is no HTTP. What is known of the head is in w.scratch.
func (p *poller) malformed(c *conn, err error) {
	fault := &http1.Error{Status: http.StatusBadRequest, Reason: err.Error()}
	errors.As(err, &fault)
	p.r.counters.Malformed.Add(1)
	p.scratch.parser.Reset()
	h := &p.scratch.head
	h.Fields, h.Minor = h.Fields[:0], 1
	p.refuse(c, h, fault.Status, fault.Reason)
}

// overloaded refuses a request that came out of the queue, or did not get in. Each reason has a throttle of its
// own, so that the lines of one do not hide another's.
func (p *poller) overloaded(c *conn, lines *httpserver.Throttle, reason string) {
	lines.Log(p.r.o.Log, "refused with 503: "+reason)
	h := p.headOf(c)
	p.turnAway(c, h, http.StatusServiceUnavailable)
}

// beginLinger goes on reading until the client is through: closing at once would reset the connection,
// and the client might never see the answer (RFC 9112, section 9.6).
func (p *poller) beginLinger(c *conn) {
	c.forget()
	c.parser = nil
	if c.out != nil { // the answer itself has to go out first
		c.phase, c.closeAfter, c.unread = phaseFlush, true, true
		return
	}
	c.phase = phaseLinger
	unix.Shutdown(c.fd, unix.SHUT_WR)
	c.lingerBefore = p.r.now() + int64(p.r.o.Limits.Linger)
	c.expire(p.r.o.Limits.LingerIdle())
}

// drainLinger is how much longer a client may linger once the server drains: it has its answer, and a second is
// many round trips.
const drainLinger = time.Second

// hastenLinger cuts the time to linger short, if that has not been done yet. now is Reactor.now.
func (c *conn) hastenLinger(now int64) {
	c.lingerBefore = min(c.lingerBefore, now+int64(drainLinger))
	c.deadline.Store(min(c.deadline.Load(), c.lingerBefore))
}

func (p *poller) linger(c *conn) {
	buffer := p.outBuffer()
	for range readTurn {
		n, err := c.read(buffer)
		if err == unix.EAGAIN {
			until := p.r.now() + int64(p.r.o.Limits.LingerIdle())
			c.deadline.Store(min(until, c.lingerBefore))
			return
		}
		if err != nil || n == 0 {
			c.close()
			return
		}
	}
	if p.r.now() > c.lingerBefore {
		c.close()
		return
	}
	p.r.again(c)
}

// next goes on after a response that the client has, or closes. c.unread says that something of what the
// client sends has not been read, and will not be.
func (p *poller) next(c *conn, last bool) {
	switch {
	case !last:
		c.phase = phaseHead
	case c.unread:
		p.beginLinger(c)
	default:
		p.closeAfterResponse(c)
	}
}

// closeAfterResponse closes the connection, unless the client has sent something that nobody has read: the
// kernel would reset the connection then, and the response could be lost (RFC 9112, section 9.6).
func (p *poller) closeAfterResponse(c *conn) {
	var probe [512]byte
	if n, err := c.read(probe[:]); err == nil && n > 0 {
		p.beginLinger(c)
		return
	}
	c.close()
}

// arrival is when the request at hand had its head read.
func (p *poller) arrival(c *conn) time.Time {
	if c.arrived == 0 {
		return p.clock.at
	}
	return c.r.start.Add(time.Duration(c.arrived))
}
