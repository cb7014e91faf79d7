//go:build linux

package reactor

import "github.com/pyserve/pyserve/httpserver"

// early has the request at hand, whose head is data[:n], answered by Options.Early, if that wants to, on whatever poller has read it.
// It returns what follows the request then.
func (p *poller) early(c *conn, data []byte, n int) (rest []byte, answered bool) {
	s, h := &p.scratch, &p.scratch.head
	s.req.ContentLength = h.ContentLength
	answer := p.r.http.Early(&s.req)
	if answer == nil {
		return nil, false
	}
	rest = data[n:]
	unread := h.Chunked || h.ContentLength > int64(len(rest))
	p.beginAnswer(c)
	s.res.last = s.res.last || unread
	p.answerEarly(answer)
	p.r.counters.Early.Add(1)
	if unread {
		rest = nil
	} else {
		rest = rest[max(h.ContentLength, 0):]
	}
	c.in.unread = unread || len(rest) > 0
	p.answered(c, s.res.last)
	if c.phase == phaseFlush {
		c.storeRest(rest)
	}
	return rest, true
}

func (p *poller) answerEarly(answer func(w httpserver.ResponseWriter)) {
	defer p.scratch.res.end()
	defer p.recovered()
	answer(&p.scratch.res)
}
