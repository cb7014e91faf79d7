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

// serve has the request in w.scratch.head answered on this thread. Afterwards the connection is in
// phaseHead, ready for the next request, or in another phase. more says that bytes of further requests were
// received already.
func (w *worker) serve(c *conn, content io.Reader, length int64, more bool) {
	s := &w.scratch
	h := &s.head
	c.served++
	c.deadline.Store(0)
	s.req = httpserver.Request{
		ID: w.requestID(c, h), Method: h.Method, Target: h.Target, Proto: protocols[h.Minor], Host: h.Host, Fields: h.Fields,
		Scheme: "http", Remote: c.remote, Local: c.local, Body: content, ContentLength: length,
		Arrived: w.arrival(c), Queued: c.waited,
	}
	c.arrived, c.waited = 0, 0
	last := !h.KeepAlive || c.usedUp()
	w.began = w.clock.now
	s.res.begin(w, c, h.Minor, last)
	s.res.holds = s.dry && !more && s.res.streamed == nil
	w.call()
	unread := s.res.streamed != nil && !s.res.streamed.done
	s.res.streamed = nil
	c.unread = unread || more
	w.ended(c, s.res.last || unread)
}

var protocols = [...]string{"HTTP/1.0", "HTTP/1.1"}

// call runs the handler and completes the response, which may have to wait for the client or the disk as the handler may: so
// the thread counts as inside.
func (w *worker) call() {
	w.enter()
	defer w.leave()
	w.handle()
	w.scratch.res.end()
}

// handle runs the handler. Its panic is a 500, but for http.ErrAbortHandler, which is an Abort.
func (w *worker) handle() {
	defer func() {
		if p := recover(); p != nil {
			w.failed(p)
		}
	}()
	w.r.handler.Serve(w.thread, &w.scratch.res, &w.scratch.req)
}

func (w *worker) failed(panicked any) {
	s := &w.scratch
	if panicked == http.ErrAbortHandler {
		s.res.Abort()
		return
	}
	w.r.o.Log.Error("panic while answering a request", "id", s.req.ID, "method", string(s.req.Method),
		"target", string(s.req.Target), "panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
	s.res.fail()
}

// ended sees to what comes after the handler: the rest of the response, the log, the next request.
func (w *worker) ended(c *conn, last bool) {
	res := &w.scratch.res
	entry := w.entry(&w.scratch.head, res.status, res.written, res.aborted)
	c.untilClose = res.mode == untilClose
	switch {
	case res.held:
		w.write(entry)
		c.aborted = res.aborted
		w.to = inOutbox
	case res.aborted:
		w.write(entry)
		if c.untilClose && res.sent || errors.Is(res.failed, os.ErrDeadlineExceeded) {
			c.reset() // an end would look like the end of the content; and nobody reads what is on its way
		} else {
			c.close()
		}
	case c.out != nil || c.file != nil:
		c.phase, c.closeAfter, c.entry = phaseFlush, last, keepEntry(entry)
	default:
		w.write(entry)
		w.next(c, last)
	}
	if !res.held {
		w.clock.look(w.r)
	}
}
