//go:build linux

package reactor

import (
	"bytes"
	"time"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// entry describes the request in p.scratch; nil without an access log. It is good until the next request.
func (p *poller) entry(h *http1.Head, status int, written int64, aborted bool) *httpserver.AccessEntry {
	s := &p.scratch
	if p.r.http.AccessLog == nil {
		return nil
	}
	s.entry = httpserver.AccessEntry{
		Time: s.req.Arrived, Remote: s.req.Remote.Addr(), Method: s.req.Method, Target: s.req.Target, Proto: s.req.Proto,
		Status: status, Bytes: written, RequestID: s.req.ID, Duration: time.Since(s.req.Arrived), Queued: s.req.Queued, Aborted: aborted,
	}
	for _, f := range h.Fields {
		switch {
		case equalFold(f.Name, "Referer"):
			s.entry.Referer = f.Value
		case equalFold(f.Name, "User-Agent"):
			s.entry.UserAgent = f.Value
		}
	}
	return &s.entry
}

// keepEntry returns a copy that stays good.
func keepEntry(e *httpserver.AccessEntry) *httpserver.AccessEntry {
	if e == nil {
		return nil
	}
	kept := *e
	for _, field := range []*[]byte{&kept.Method, &kept.Target, &kept.Referer, &kept.UserAgent} {
		*field = bytes.Clone(*field)
	}
	return &kept
}

// logAccess logs a request that the handler has not seen. h may be nil: nothing is known of it then.
func (p *poller) logAccess(c *conn, h *http1.Head, status int, written int64, aborted bool) {
	if p.r.http.AccessLog == nil {
		return
	}
	if h == nil {
		h = &http1.Head{Minor: 1}
	}
	p.scratch.req = httpserver.Request{ID: p.scratch.ids.Next(), Method: h.Method, Target: h.Target,
		Proto: protocols[h.Minor], Remote: c.remote, Arrived: p.arrival(c), Queued: c.in.waited}
	p.logEntry(p.entry(h, status, written, aborted))
}

// flushed logs a response that was not sent immediately.
func (p *poller) flushed(c *conn, aborted bool) {
	entry := c.out.entry
	c.out.entry = nil
	if entry == nil {
		return
	}
	entry.Aborted = entry.Aborted || aborted
	entry.Bytes -= c.out.fileLeft
	entry.Duration = time.Since(entry.Time)
	p.logEntry(entry)
}

func (p *poller) logEntry(e *httpserver.AccessEntry) {
	if e == nil {
		return
	}
	if err := p.r.http.AccessLog.Log(e); err != nil {
		p.r.counters.AccessLogLost.Add(1)
	}
}
