//go:build linux

package reactor

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"

	"github.com/pyserve/pyserve/httpserver"
)

// serve has the request at hand answered on this thread. Afterwards the connection is in
// phaseHead, ready for the next request, or in another phase. rest is what was received behind the request.
func (p *poller) serve(c *conn, content io.Reader, length int64, rest []byte) {
	s := &p.scratch
	p.beginAnswer(c)
	s.req.Body, s.req.ContentLength = content, length
	p.began = p.clock.now
	s.res.rest = rest
	s.res.mayHold = s.drained && len(rest) == 0 && s.res.streamed == nil
	p.call()
	unread := s.res.streamed != nil && !s.res.streamed.done
	s.res.streamed = nil
	c.in.arrived, c.in.waited = 0, 0
	c.in.unread = unread || len(rest) > 0
	p.answered(c, s.res.last || unread)
}

// makeRequest makes the request in p.scratch.head the one at hand, without its content.
func (p *poller) makeRequest(c *conn) {
	s := &p.scratch
	h := &s.head
	s.req = httpserver.Request{
		ID: p.requestID(c, h), Method: h.Method, Target: h.Target, Proto: protocols[h.Minor], Host: h.Host, Fields: h.Fields,
		Scheme: "http", Remote: c.remote, Local: c.local, Arrived: p.arrival(c), Queued: c.in.waited,
	}
}

// beginAnswer counts the request at hand, and begins its response.
func (p *poller) beginAnswer(c *conn) {
	c.served++
	c.deadline.Store(0)
	h := &p.scratch.head
	p.scratch.res.begin(p, c, h.Minor, !h.KeepAlive || c.usedUp())
}

var protocols = [...]string{"HTTP/1.0", "HTTP/1.1"}

// call runs the handler and completes the response, which may have to wait for the client or the disk as the handler may: so
// the thread counts as inside.
func (p *poller) call() {
	p.enter()
	defer p.leave()
	p.runHandler()
	p.scratch.res.end()
}

// runHandler runs the handler. Its panic is a 500, but for http.ErrAbortHandler, which is an Abort.
func (p *poller) runHandler() {
	defer p.recovered()
	p.r.handler.Serve(p.thread, &p.scratch.res, &p.scratch.req)
}

// recovered is deferred around what answers a request.
func (poller *poller) recovered() {
	if p := recover(); p != nil {
		poller.failed(p)
	}
}

func (p *poller) failed(panicked any) {
	s := &p.scratch
	if panicked == http.ErrAbortHandler {
		s.res.Abort()
		return
	}
	p.r.o.Log.Error("panic while answering a request", "id", s.req.ID, "method", string(s.req.Method),
		"target", string(s.req.Target), "panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
	s.res.fail()
}

// answered sees to what comes after the handler: the rest of the response, the log, the next request.
func (p *poller) answered(c *conn, last bool) {
	res := &p.scratch.res
	entry := p.entry(&p.scratch.head, res.status, res.written, res.aborted)
	c.out.untilClose = res.mode == untilClose
	switch {
	case res.held:
		p.logEntry(entry)
		c.out.aborted = res.aborted
		p.to = inOutbox
	case res.hijacked:
		p.logEntry(entry)
		c.abandon()
	case res.aborted:
		p.logEntry(entry)
		if c.out.untilClose && res.sent || errors.Is(res.failed, os.ErrDeadlineExceeded) {
			c.reset() // an end would look like the end of the content; and nobody reads what is on its way
		} else {
			c.close()
		}
	case c.out.spool != nil || c.out.file != nil:
		c.out.closeAfter, c.out.entry = last, keepEntry(entry)
		c.become(phaseFlush)
	default:
		p.logEntry(entry)
		p.afterResponse(c, last)
	}
	if !res.held {
		p.clock.tick(p.r)
	}
}
