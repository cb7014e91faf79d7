//go:build linux

package reactor

import (
	"errors"
	"io"
	"net/http"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// beginBody spools the content of a request from what is there on.
func (p *poller) beginBody(c *conn, data []byte, n int) {
	h := &p.scratch.head
	if !c.in.store(p.r, data[:n]) {
		p.noMemory(c)
		return
	}
	c.become(phaseBody)
	c.in.head, c.in.left, c.in.chunked = n, h.ContentLength, h.Chunked
	c.in.chunks.Reset()
	o := &p.r.http
	c.in.spool = p.r.http.NewSpool(o.BodyBuffer)
	c.in.arrived, c.movedThen = p.r.now(), 0
	c.deadline.Store(0)
	if h.ExpectContinue && len(data) == n {
		if err := c.sendContinue(); err != nil {
			c.close()
			return
		}
	}
	p.feed(c, data[n:])
}

var continueLine = []byte("HTTP/1.1 100 Continue\r\n\r\n")

// sendContinue asks for the content. Nothing but a whole line may go out; without one the client goes on
// after a while (RFC 9110, section 10.1.1).
func (c *conn) sendContinue() error {
	n, err := c.write(continueLine)
	if err == nil && n > 0 && n < len(continueLine) {
		err = io.ErrShortWrite
	}
	return err
}

// receiveBody reads content until it is complete or nothing more is there. What comes before the spool may be written to
// lies behind the head.
func (p *poller) receiveBody(c *conn) {
	unspooled := c.in.buf[c.in.head:]
	switch {
	case !p.disk && (c.in.spool.OnDisk() || len(unspooled) > 0):
		p.to = inPool
		return
	case len(unspooled) > 0:
		c.in.buf = c.in.buf[:c.in.head]
		if p.feed(c, unspooled); c.phase != phaseBody {
			return
		}
	}
	buf := p.scratch.buf
	for range readTurn {
		n, drained, err := c.read(buf)
		switch {
		case err == unix.EAGAIN:
			p.expireBody(c)
			return
		case err != nil || n == 0:
			p.brokenOff(c)
			return
		}
		if p.feed(c, buf[:n]); c.phase != phaseBody || p.to != nobody {
			c.in.drained = drained
			return
		}
	}
	p.expireBody(c)
	p.takeTurns(c)
}

// feed takes content in. The connection is in phaseReady when it is complete. If the content does not stay in memory, and p
// may not wait for the disk, the pool goes on.
func (poller *poller) feed(c *conn, p []byte) {
	if !poller.disk && !c.in.spool.Reserve(len(p)) {
		if poller.to = inPool; !c.in.storeMore(poller.r, p, true) {
			poller.to = nobody
			poller.noMemory(c)
		}
		return
	}
	used, done, err := c.in.spoolContent(p)
	o := &poller.r.http
	var fault *http1.Error
	switch {
	case errors.As(err, &fault):
		poller.r.counters.Malformed.Add(1)
		poller.refuseBody(c, fault.Status, fault.Reason)
	case err != nil:
		poller.noRoom(c, err)
	case o.MaxBody >= 0 && c.in.spool.Size() > o.MaxBody:
		poller.tooLarge(c, poller.headOf(c))
	case done && !c.in.storeMore(poller.r, p[used:], false):
		poller.noMemory(c)
	case done:
		c.become(phaseReady)
	}
}

// noRoom refuses a request whose content cannot be kept. A full disk and a bound that was reached are answered
// alike, by 503 with Retry-After: both pass, and the client may find another server meanwhile. 507 (RFC 4918)
// would tell it not to try again by itself.
func (p *poller) noRoom(c *conn, err error) {
	httpserver.CountNoRoom(p.r.counters, err)
	p.r.spools.Request(p.r.o.Log, p.r.http.SpoolDir, err)
	p.turnAway(c, p.headOf(c), http.StatusServiceUnavailable)
}

func (p *poller) brokenOff(c *conn) {
	p.r.o.Log.Debug("the client broke off in the middle of a request", "remote", c.remote)
	p.logAccess(c, p.headOf(c), http.StatusBadRequest, 0, true)
	c.close()
}

// headOf reads the head of a request in c.in once more: what comes of the buffers in between is not kept.
// It returns nil if there is no complete one.
func (p *poller) headOf(c *conn) *http1.Head {
	p.scratch.parser.Reset()
	if n, err := p.parse(c.in.buf); n == 0 || err != nil {
		p.scratch.parser.Reset()
		return nil
	}
	return &p.scratch.head
}

// serveSpooled answers a request whose content was spooled.
func (p *poller) serveSpooled(c *conn) {
	if p.thread < 0 {
		p.enqueue(c)
		return
	}
	p.headOf(c)
	var content io.Reader
	size := c.in.spool.Size()
	if size > 0 || c.in.chunked {
		content = c.in.spool
	}
	c.become(phaseHead)
	p.makeRequest(c)
	p.serve(c, content, size, c.in.buf[c.in.head:])
	c.in.dropContent(p.r)
	if c.phase == phaseHead || c.phase == phaseFlush {
		c.in.buf = append(c.in.buf[:0], c.in.buf[c.in.head:]...)
	}
}
