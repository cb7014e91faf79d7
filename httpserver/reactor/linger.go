//go:build linux

package reactor

import (
	"time"

	"golang.org/x/sys/unix"
)

// beginLinger goes on reading until the client is through: closing immediately would reset the connection,
// and the client might never see the answer (RFC 9112, section 9.6).
func (p *poller) beginLinger(c *conn) {
	c.in.forget(p.r)
	if c.out.spool != nil { // the answer itself has to go out first
		c.out.closeAfter, c.in.unread = true, true
		c.become(phaseFlush)
		return
	}
	c.become(phaseLinger)
	c.stopWriting()
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

// linger reads until the client is through, or time is up.
func (p *poller) linger(c *conn) {
	buffer := p.outBuffer()
	for range readTurn {
		n, _, err := c.read(buffer)
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

// afterResponse goes on after a response that the client has, or closes. c.unread says that something of what the
// client sends has not been read, and will not be.
func (p *poller) afterResponse(c *conn, last bool) {
	switch {
	case !last:
		c.become(phaseHead)
	case c.in.unread:
		p.beginLinger(c)
	default:
		p.closeAfterResponse(c)
	}
}

// closeAfterResponse closes the connection, unless the client has sent something that nobody has read: the
// kernel would reset the connection then, and the response could be lost (RFC 9112, section 9.6).
func (p *poller) closeAfterResponse(c *conn) {
	var probe [512]byte
	if n, _, err := c.read(probe[:]); err == nil && n > 0 {
		p.beginLinger(c)
		return
	}
	c.close()
}
