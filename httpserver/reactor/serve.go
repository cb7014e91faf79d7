//go:build linux

package reactor

import (
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// serve has the request in w.scratch.head answered on this thread. Afterwards the connection is in
// phaseHead, ready for the next request, or in another phase.
func (w *worker) serve(c *conn, content io.Reader, length int64) {
	s := &w.scratch
	h := &s.head
	c.served++
	c.deadline.Store(0)
	w.r.stats.Requests.Add(1)
	s.req = httpserver.Request{
		ID: w.requestID(c, h), Method: h.Method, Target: h.Target, Proto: protocols[h.Minor], Host: h.Host, Fields: h.Fields,
		Scheme: "http", Remote: c.remote, Local: c.local, Body: content, ContentLength: length, Arrived: time.Now(),
	}
	if h.ContentLength >= 0 && content == nil {
		s.req.ContentLength = h.ContentLength
	}
	last := !h.KeepAlive || w.r.draining.Load() ||
		w.r.o.KeepAliveRequests > 0 && c.served >= w.r.o.KeepAliveRequests
	s.res.begin(w, c, h.Minor, last)
	w.call()
	s.res.end()
	unread := s.res.streamed != nil && !s.res.streamed.done
	s.res.streamed = nil
	w.ended(c, unread)
}

var protocols = [...]string{"HTTP/1.0", "HTTP/1.1"}

func (w *worker) requestID(c *conn, h *http1.Head) string {
	if trust := w.r.o.HTTP.TrustRequestID; trust != nil && trust(c.remote.Addr()) {
		for _, f := range h.Fields {
			if len(f.Name) == len("X-Request-ID") && equalFold(f.Name, "X-Request-ID") && httpserver.ValidRequestID(string(f.Value)) {
				return string(f.Value)
			}
		}
	}
	return w.scratch.ids.Next()
}

// call runs the handler. Its panic is a 500.
func (w *worker) call() {
	s := &w.scratch
	w.enter()
	defer func() {
		w.leave()
		if p := recover(); p != nil {
			w.r.o.Log.Error("panic while answering a request", "id", s.req.ID, "method", string(s.req.Method),
				"target", string(s.req.Target), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			s.res.fail()
		}
	}()
	w.r.handler.Serve(w.thread, &s.res, &s.req)
}

// ended sees to what comes after the handler: the rest of the response, the log, the next request.
// unread says that content of the request is still in the connection, or on its way.
func (w *worker) ended(c *conn, unread bool) {
	res := &w.scratch.res
	entry := w.entry(&w.scratch.head, res.status, res.written, res.aborted)
	switch {
	case res.aborted:
		w.write(entry)
		if res.mode == untilClose && res.sent {
			c.reset() // the end of the connection would look like the end of the content
		} else {
			c.close()
		}
	case c.out != nil || c.file != nil:
		c.phase, c.closeAfter, c.entry = phaseFlush, res.last || unread, keepEntry(entry)
		c.lingerBefore = 0
		w.flush(c)
	default:
		w.write(entry)
		w.next(c, res.last || unread, unread)
	}
}

// next goes on after a response that the client has, or closes.
func (w *worker) next(c *conn, last, unread bool) {
	switch {
	case !last:
		c.phase = phaseHead
	case unread:
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
