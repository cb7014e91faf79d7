//go:build linux

package reactor

import (
	"errors"
	"net/http"
	"time"

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
	c.in.dropContent(p.r)
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

// malformed answers what is not HTTP. What is known of the head is in p.scratch.
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

// arrival is when the request at hand had its head read.
func (p *poller) arrival(c *conn) time.Time {
	if c.in.arrived == 0 {
		return p.clock.at
	}
	return c.r.start.Add(time.Duration(c.in.arrived))
}
