//go:build linux

package reactor

import (
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver/http1"
)

// A client that sends as fast as we read does not keep a poller from others: after so much it waits its turn.
const (
	requestTurn = 64 // requests that came together
	readTurn    = 16 // reads of content
	// timeTurn is for how long requests that came together are answered while others wait.
	timeTurn = int64(time.Millisecond)
)

// load returns what the connection had received before, at the start of the buffer.
func (s *scratch) load(c *conn) []byte {
	if len(c.in.buf) > len(s.buf) {
		s.buf = make([]byte, 2*len(c.in.buf))
	}
	data := s.buf[:copy(s.buf, c.in.buf)]
	if c.in.parser != nil {
		s.spare, s.parser, c.in.parser = s.parser, c.in.parser, nil
	}
	return data
}

// more reads behind data, which it may move, and returns all that is there then.
func (s *scratch) more(c *conn, data []byte) (all []byte, drained bool, err error) {
	if len(data) == len(s.buf) {
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n := copy(s.buf, data)
	got, drained, err := c.read(s.buf[n:])
	if err == nil && got == 0 {
		err = io.EOF
	}
	return s.buf[:n+got], drained, err
}

// stash stores what is to be gone on with when more has come.
func (p *poller) stash(c *conn, data []byte) {
	if len(data) == 0 {
		if c.in.began = 0; c.in.buf != nil {
			c.in.forget(p.r)
		}
		if c.served > 0 { // before that, the time for the first head runs from the beginning
			c.deadline.Store(p.clock.now + int64(p.r.http.IdleTimeout))
		}
		return
	}
	if !c.in.store(p.r, data) {
		p.noMemory(c)
		return
	}
	if c.in.began == 0 {
		c.in.began = p.r.now()
		if c.served > 0 {
			c.expire(p.r.http.HeaderTimeout)
		}
	}
	s := &p.scratch
	c.in.parser, s.parser, s.spare = s.parser, s.spare, nil
	if s.parser == nil {
		s.parser = new(http1.Parser)
	}
}

// receive reads heads, and has requests answered, until nothing more is there.
func (p *poller) receive(c *conn) {
	s := &p.scratch
	data, drained, err := s.load(c), c.in.drained, error(nil)
	c.in.drained = false
	for turn := requestTurn; ; {
		n := 0
		if len(data) > 0 {
			if n, err = p.parse(data); err != nil {
				p.malformed(c, err)
				return
			}
		}
		switch {
		case n > 0:
			s.drained = drained && !c.hangup
			data = p.request(c, data, n)
			s.drained = false
			if p.to == inOutbox {
				p.stash(c, nil)
				return
			}
			if c.phase != phaseHead || p.to != nobody {
				return
			}
			if turn--; p.parks || turn == 0 || p.clock.now-p.began > timeTurn && p.r.queue.ready(true) {
				p.yield(c, data, drained)
				return
			}
			continue
		case drained && !c.hangup:
			p.stash(c, data)
			return
		}
		last := p.r.draining.Load() // before the read: a request may come after it
		if data, drained, err = s.more(c, data); err != nil {
			p.stopped(c, data, err, last)
			return
		}
	}
}

// parse goes on with the head of a request, into p.scratch.head.
func (p *poller) parse(data []byte) (n int, err error) {
	limits := http1.Limits{Head: p.r.http.MaxHeaderBytes}
	return p.scratch.parser.Parse(data, &limits, &p.scratch.head)
}

// stopped handles a read of a head that has brought nothing. last says that it began while the server was draining.
func (p *poller) stopped(c *conn, data []byte, err error, last bool) {
	switch {
	case errors.Is(err, unix.EAGAIN) && last && len(data) == 0:
		c.close()
	case errors.Is(err, unix.EAGAIN):
		p.stash(c, data)
	case err == io.EOF && len(data) > 0:
		p.r.o.Log.Debug("the client closed the connection in the middle of a request's head", "remote", c.remote)
		c.close()
	default:
		c.close()
	}
	p.scratch.parser.Reset()
}

// yield lets others go on with what is left of a connection's requests, and of what can be read.
func (p *poller) yield(c *conn, data []byte, drained bool) {
	if len(data) == 0 && drained && !c.hangup {
		p.stash(c, nil)
		return
	}
	if !c.in.store(p.r, data) {
		p.noMemory(c)
		return
	}
	p.r.again(c)
}

// enqueue has c handed to the threads, with its request complete, when p lets go of it.
func (p *poller) enqueue(c *conn) {
	p.to = inQueue
	c.deadline.Store(0)
	if c.in.arrived == 0 {
		c.in.arrived = p.r.now()
	}
}

// storeAndQueue has the threads answer the request that data begins with.
func (p *poller) storeAndQueue(c *conn, data []byte) {
	if !c.in.store(p.r, data) {
		p.noMemory(c)
		return
	}
	p.enqueue(c)
}

// request handles the request whose head is data[:n], and returns what follows it.
func (p *poller) request(c *conn, data []byte, n int) (rest []byte) {
	h := &p.scratch.head
	o := &p.r.http
	c.in.began = 0
	if p.thread >= 0 || o.Early != nil {
		p.makeRequest(c)
	}
	if o.Early != nil {
		if rest, answered := p.early(c, data, n); answered {
			return rest
		}
	}
	switch {
	case o.MaxBody >= 0 && h.ContentLength > o.MaxBody:
		p.tooLarge(c, h)
		return nil
	case !h.Chunked && h.ContentLength <= 0:
		return p.handleWhole(c, data, n, 0)
	case o.StreamRequests:
		return p.serveStreamed(c, data, n)
	case !h.Chunked && h.ContentLength <= int64(len(data)-n):
		return p.handleWhole(c, data, n, int(h.ContentLength))
	}
	p.beginBody(c, data, n)
	return nil
}

func (p *poller) tooLarge(c *conn, h *http1.Head) {
	p.r.counters.TooLarge.Add(1)
	p.refuse(c, h, http.StatusRequestEntityTooLarge, "the content is too large")
}

// handleWhole handles a request that is all in data: its head is data[:n], and size bytes of content follow.
func (p *poller) handleWhole(c *conn, data []byte, n, size int) (rest []byte) {
	if p.thread < 0 {
		c.in.drained = p.scratch.drained
		p.storeAndQueue(c, data)
		return nil
	}
	var content io.Reader
	if size > 0 {
		p.scratch.res.content.Reset(data[n : n+size])
		content = &p.scratch.res.content
	}
	rest = data[n+size:]
	p.serve(c, content, int64(size), rest)
	if c.phase == phaseFlush {
		c.storeRest(rest)
	}
	return rest
}
