//go:build linux

package reactor

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// readSize is how much is read at once; a head or a small request is usually there as a whole.
const readSize = 64 << 10

// scratch is what a worker needs for the connection at hand. Between two events a connection has no
// buffers of its own, unless part of a request is there.
type scratch struct {
	buf    []byte
	parser *http1.Parser
	limits http1.Limits
	head   http1.Head
	req    httpserver.Request
	res    response
	ids    *httpserver.RequestIDs
	outBuf []byte
	entry  httpserver.AccessEntry
}

func (s *scratch) init() {
	s.parser = new(http1.Parser)
	s.ids = httpserver.NewRequestIDs()
}

// load returns what the connection had received before, at the start of the buffer.
func (s *scratch) load(c *conn) []byte {
	if s.buf == nil {
		s.buf = make([]byte, readSize)
	}
	if len(c.in) > len(s.buf) {
		s.buf = make([]byte, 2*len(c.in))
	}
	data := s.buf[:copy(s.buf, c.in)]
	if c.parser != nil {
		s.parser, c.parser = c.parser, nil
	}
	return data
}

// more reads behind data, which it may move, and returns all that is there then.
func (s *scratch) more(c *conn, data []byte) (all []byte, drained bool, err error) {
	if len(data) == len(s.buf) {
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n := copy(s.buf, data)
	room := s.buf[n:]
	got, err := c.read(room)
	if err == nil && got == 0 {
		err = io.EOF
	}
	return s.buf[:n+got], got < len(room), err
}

// keep stores what is to be gone on with when more has come.
func (w *worker) keep(c *conn, data []byte) {
	if len(data) == 0 {
		c.in, c.began = nil, 0
		timeout := w.r.o.HTTP.IdleTimeout
		if c.served == 0 {
			timeout = w.r.o.HTTP.HeaderTimeout
		}
		c.expire(timeout)
		return
	}
	c.in = append(c.in[:0], data...)
	if c.began == 0 {
		c.began = w.r.now()
		c.expire(w.r.o.HTTP.HeaderTimeout)
	}
	c.parser = w.scratch.parser
	w.scratch.parser = new(http1.Parser)
}

// receive reads heads, and has requests answered, until nothing more is there.
func (w *worker) receive(c *conn) {
	s := &w.scratch
	data, drained, err := s.load(c), false, error(nil)
	for {
		if len(data) > 0 {
			s.limits.Head = w.r.o.HTTP.MaxHeaderBytes
			n, fault := s.parser.Parse(data, &s.limits, &s.head)
			if fault != nil {
				w.malformed(c, data, fault)
				return
			}
			if n > 0 {
				if data = w.request(c, data, n); c.phase != phaseHead || c.queued {
					return
				}
				if w.parks { // let another thread go on with what is left
					w.yield(c, data)
					return
				}
				continue
			}
		}
		if drained && !c.hangup {
			w.keep(c, data)
			return
		}
		if data, drained, err = s.more(c, data); err != nil {
			w.stopped(c, data, err)
			return
		}
	}
}

// stopped handles a read of a head that has brought nothing.
func (w *worker) stopped(c *conn, data []byte, err error) {
	switch {
	case errors.Is(err, unix.EAGAIN) && w.r.draining.Load() && len(data) == 0:
		c.close()
	case errors.Is(err, unix.EAGAIN):
		w.keep(c, data)
	case err == io.EOF && len(data) > 0:
		w.r.o.Log.Debug("the client closed the connection in the middle of a request's head", "remote", c.remote)
		c.close()
	default:
		c.close()
	}
	w.scratch.parser.Reset()
}

// yield puts the rest of a connection's requests into the queue, where it may wait its turn.
func (w *worker) yield(c *conn, data []byte) {
	c.in = append(c.in[:0], data...)
	if len(data) == 0 {
		w.keep(c, nil)
		return
	}
	w.enqueue(c)
}

// enqueue hands c with a complete request to the threads, or refuses it.
func (w *worker) enqueue(c *conn) {
	c.queued = true
	c.deadline.Store(0)
	if w.r.push(item{conn: c}) {
		return
	}
	c.queued = false
	w.r.stats.QueueFull.Add(1)
	w.overloaded(c)
}

// request handles the request whose head is data[:n], and returns what follows it.
func (w *worker) request(c *conn, data []byte, n int) (rest []byte) {
	h := &w.scratch.head
	o := &w.r.o.HTTP
	c.began = 0
	switch {
	case o.MaxBody >= 0 && h.ContentLength > o.MaxBody:
		w.refuse(c, h, 413, "the content is larger than --max-body")
		return nil
	case !h.Chunked && h.ContentLength <= 0:
		return w.whole(c, data, n, 0)
	case o.StreamRequests:
		return w.serveStreamed(c, data, n)
	case !h.Chunked && h.ContentLength <= int64(len(data)-n):
		return w.whole(c, data, n, int(h.ContentLength))
	}
	return w.beginBody(c, data, n)
}

// whole handles a request that is all in data: its head is data[:n], and size bytes of content follow.
func (w *worker) whole(c *conn, data []byte, n, size int) (rest []byte) {
	if w.thread < 0 {
		c.in = append(c.in[:0], data...)
		w.enqueue(c)
		return nil
	}
	var content io.Reader
	if size > 0 {
		w.scratch.res.content.Reset(data[n : n+size])
		content = &w.scratch.res.content
	}
	w.serve(c, content, int64(size))
	if rest = data[n+size:]; c.phase != phaseHead {
		c.in = append(c.in[:0], rest...)
		return nil
	}
	return rest
}

// beginBody spools the content of a request from what is there on.
func (w *worker) beginBody(c *conn, data []byte, n int) (rest []byte) {
	h := &w.scratch.head
	c.phase, c.head, c.left, c.chunked = phaseBody, n, h.ContentLength, h.Chunked
	c.in = append(c.in[:0], data[:n]...)
	c.chunks.Reset()
	c.spool = httpserver.NewSpool(w.r.o.HTTP.BodyBuffer, w.r.o.HTTP.SpoolDir)
	c.bodyFrom = w.r.now()
	if h.ExpectContinue && len(data) == n {
		if _, err := rawWrite(c.fd, continueLine); err != nil {
			c.close()
			return nil
		}
	}
	if w.feed(c, data[n:]) {
		w.receiveBody(c)
	}
	return nil
}

var continueLine = []byte("HTTP/1.1 100 Continue\r\n\r\n")

// receiveBody reads content until it is complete or nothing more is there.
func (w *worker) receiveBody(c *conn) {
	s := &w.scratch
	s.load(c)
	for {
		n, err := c.read(s.buf)
		switch {
		case errors.Is(err, unix.EAGAIN):
			w.expireBody(c)
			return
		case err != nil || n == 0:
			w.brokenOff(c)
			return
		}
		if !w.feed(c, s.buf[:n]) {
			return
		}
	}
}

// feed takes content in. It reports whether more is to come.
func (w *worker) feed(c *conn, p []byte) (more bool) {
	used, done, err := c.take(p)
	o := &w.r.o.HTTP
	var fault *http1.Error
	switch {
	case errors.As(err, &fault):
		w.refuseBody(c, fault.Status, fault.Reason)
		return false
	case err != nil:
		o := w.r.o.HTTP
		w.r.o.Log.Error("refused by 503: no room for the content of a request; mend the spool folder or choose another",
			"folder", o.SpoolDir, "error", err)
		w.refuseBody(c, 503, "no room for the content")
		return false
	case o.MaxBody >= 0 && c.spool.Size() > o.MaxBody:
		w.refuseBody(c, 413, "the content is larger than --max-body")
		return false
	case !done:
		return true
	}
	c.in = append(c.in, p[used:]...)
	c.phase = phaseReady
	if w.thread < 0 {
		w.enqueue(c)
	} else {
		w.serveSpooled(c)
	}
	return false
}

// take spools content, and says how much of p it used and whether the content is complete.
func (c *conn) take(p []byte) (used int, done bool, err error) {
	if !c.chunked {
		used = int(min(int64(len(p)), c.left))
		c.left -= int64(used)
		_, err = c.spool.Write(p[:used])
		return used, c.left == 0, err
	}
	for !done && used < len(p) {
		n, taken, end, err := c.chunks.Decode(p[used:], p[used:])
		if err != nil {
			return used, false, err
		}
		if _, err := c.spool.Write(p[used : used+n]); err != nil {
			return used, false, err
		}
		used += taken
		done = end
	}
	return used, done, nil
}

// expireBody gives the client as long as its content may take at --body-rate.
func (w *worker) expireBody(c *conn) {
	if w.r.o.BodyRate < 0 {
		c.deadline.Store(0)
		return
	}
	allowed := bodyGrace + time.Duration(c.spool.Size()/int64(w.r.o.BodyRate))*time.Second
	c.deadline.Store(c.bodyFrom + int64(allowed))
}

func (w *worker) brokenOff(c *conn) {
	w.r.o.Log.Debug("the client broke off in the middle of a request", "remote", c.remote)
	w.logAccess(c, w.headOf(c), 400, 0, true)
	c.close()
}

// headOf reads the head of the request whose content is coming in, or was, again.
func (w *worker) headOf(c *conn) *http1.Head {
	s := &w.scratch
	s.parser.Reset()
	if n, err := s.parser.Parse(c.in[:c.head], &s.limits, &s.head); n == 0 || err != nil {
		panic("reactor: a head that was complete is not so any more")
	}
	return &s.head
}

// serveSpooled answers a request whose content was spooled.
func (w *worker) serveSpooled(c *conn) {
	if w.thread < 0 {
		w.enqueue(c)
		return
	}
	w.headOf(c)
	spool := c.spool
	var content io.Reader
	if spool.Size() > 0 || c.chunked {
		content = spool
	}
	c.phase = phaseHead
	w.serve(c, content, spool.Size())
	if c.phase == phaseClosed {
		return
	}
	c.dropRequest()
	c.in = append(c.in[:0], c.in[c.head:]...)
	if c.phase != phaseHead {
		return
	}
	w.receive(c)
}
