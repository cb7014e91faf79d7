//go:build linux

package reactor

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// drain sends what it can of the connection's out. done says that nothing is left.
func (w *worker) drain(c *conn) (done bool, err error) {
	buffer := w.outBuffer()
	for c.out != nil {
		if _, err := c.out.Seek(c.outSent, io.SeekStart); err != nil {
			return false, err
		}
		n, err := c.out.Read(buffer)
		if err == io.EOF {
			c.out.Close()
			c.out = nil
			break
		}
		if err != nil {
			return false, err
		}
		sent, err := c.writeAll(buffer[:n])
		c.outSent += int64(sent)
		if err != nil || sent < n {
			return false, err
		}
	}
	return true, nil
}

// outBuffer is apart from the buffer that the request at hand may lie in.
func (w *worker) outBuffer() []byte {
	if w.scratch.outBuf == nil {
		w.scratch.outBuf = make([]byte, readSize)
	}
	return w.scratch.outBuf
}

// fileTurn is how much of a file is sent before others get their turn.
const fileTurn = 4 << 20

// flush sends what the client has not taken yet of a response whose handler is through.
func (w *worker) flush(c *conn) {
	done, err := w.drain(c)
	if done && c.file != nil {
		done, err = w.sendFile(c)
	}
	switch {
	case err != nil:
		w.r.o.Log.Debug("the client closed the connection before it had the whole response", "remote", c.remote, "error", err)
		w.flushed(c, true)
		c.close()
	case !done:
		c.expire(w.r.o.WriteTimeout)
	case c.shortFile:
		w.flushed(c, true)
		c.close()
	default:
		w.flushed(c, false)
		w.next(c, c.closeAfter, false)
		if c.phase == phaseHead {
			w.receive(c)
		}
	}
}

// sendFile sends with sendfile(2), which takes the offset from us.
func (w *worker) sendFile(c *conn) (done bool, err error) {
	for turn := fileTurn; c.fileLeft > 0; {
		if turn <= 0 {
			w.r.again(c)
			return false, nil
		}
		n, err := unix.Sendfile(c.fd, int(c.file.Fd()), &c.fileAt, int(min(c.fileLeft, 1<<20)))
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return false, nil
		case err != nil:
			return false, err
		case n == 0:
			return false, io.ErrUnexpectedEOF
		default:
			c.fileLeft -= int64(n)
			turn -= n
		}
	}
	c.file.Close()
	c.file = nil
	if c.fileEnd == "" {
		return true, nil
	}
	c.out, c.outSent = httpserver.NewSpool(responseMemory, ""), 0
	c.out.Write([]byte(c.fileEnd))
	c.fileEnd = ""
	return w.drain(c)
}

// again queues an event for c as if it had come from the kernel.
func (r *Reactor) again(c *conn) {
	r.queue.pushEvents([]unix.EpollEvent{{Events: unix.EPOLLOUT, Fd: int32(c.fd), Pad: int32(c.generation)}})
	if r.polling.Load() > 0 {
		r.notify()
	}
}

// flushed writes the access log's line for a response that was not sent at once.
func (w *worker) flushed(c *conn, aborted bool) {
	entry := c.entry
	c.entry, c.shortFile = nil, false
	if entry == nil {
		return
	}
	entry.Aborted = entry.Aborted || aborted
	entry.Duration = time.Since(entry.Time)
	w.write(entry)
}

// ---- refusals, and the end of connections ----

// refuse answers by a status of the server's own and closes.
func (w *worker) refuse(c *conn, h *http1.Head, status int, reason string) {
	text := http.StatusText(status) + "\n"
	res := &w.scratch.res
	res.begin(w, c, 1, true)
	fields := []httpserver.HeaderField{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}
	if status == http.StatusServiceUnavailable {
		fields = append(fields, httpserver.HeaderField{Name: "Retry-After", Value: "1"})
	}
	noContent := h != nil && string(h.Method) == "HEAD"
	res.WriteHead(&httpserver.Head{Status: status, Reason: http.StatusText(status), Fields: fields, ContentLength: int64(len(text)), NoContent: noContent})
	if !noContent {
		res.Write([]byte(text))
	}
	res.end()
	w.r.o.Log.Info("request refused", "status", status, "reason", reason, "remote", c.remote)
	w.logAccess(c, h, status, res.written, false)
	c.dropRequest()
	w.beginLinger(c)
}

func (w *worker) refuseBody(c *conn, status int, reason string) {
	w.refuse(c, w.headOf(c), status, reason)
}

// malformed answers what is no HTTP.
func (w *worker) malformed(c *conn, _ []byte, err error) {
	fault := &http1.Error{Status: http.StatusBadRequest, Reason: err.Error()}
	errors.As(err, &fault)
	w.r.stats.Malformed.Add(1)
	w.scratch.parser.Reset()
	h := &w.scratch.head
	h.Fields = h.Fields[:0]
	w.refuse(c, h, fault.Status, fault.Reason)
}

// overloaded refuses a request that no thread will have the time for.
func (w *worker) overloaded(c *conn) {
	c.in, c.parser, c.phase = nil, nil, phaseHead
	w.refuse(c, nil, http.StatusServiceUnavailable, "too many requests wait for a thread")
}

// beginLinger goes on reading until the client is through: closing at once would reset the connection,
// and the client might never see the answer (RFC 9112, section 9.6).
func (w *worker) beginLinger(c *conn) {
	if c.phase == phaseClosed {
		return
	}
	c.in, c.parser = nil, nil
	if c.out != nil { // the answer itself has to go out first
		c.phase, c.closeAfter = phaseFlush, true
		c.expire(w.r.o.WriteTimeout)
		return
	}
	c.phase = phaseLinger
	unix.Shutdown(c.fd, unix.SHUT_WR)
	c.lingerBefore = w.r.now() + int64(lingerTotal)
	w.linger(c)
}

func (w *worker) linger(c *conn) {
	buffer := w.outBuffer()
	for {
		n, err := c.read(buffer)
		if err == unix.EAGAIN {
			c.deadline.Store(min(w.r.now()+int64(lingerIdle), c.lingerBefore))
			return
		}
		if err != nil || n == 0 {
			c.close()
			return
		}
	}
}

// ---- the access log ----

// entry describes the request in w.scratch; nil without an access log. It is good until the next request.
func (w *worker) entry(h *http1.Head, status int, written int64, aborted bool) *httpserver.AccessEntry {
	s := &w.scratch
	if w.r.o.HTTP.AccessLog == nil {
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

// logAccess logs a request that the handler has not seen.
func (w *worker) logAccess(c *conn, h *http1.Head, status int, written int64, aborted bool) {
	if w.r.o.HTTP.AccessLog == nil {
		return
	}
	if h == nil {
		h = &http1.Head{}
	}
	w.scratch.req = httpserver.Request{ID: w.scratch.ids.Next(), Method: h.Method, Target: h.Target,
		Proto: protocols[min(h.Minor, 1)], Remote: c.remote, Arrived: time.Now()}
	w.write(w.entry(h, status, written, aborted))
}

func (w *worker) write(e *httpserver.AccessEntry) {
	if e == nil {
		return
	}
	err := w.r.o.HTTP.AccessLog.Log(e)
	if broken := err != nil; w.r.accessLogBroken.Swap(broken) != broken && broken {
		w.r.o.Log.Error("the access log cannot be written: lines are lost until it can", "error", err)
	}
}

// ---- the Date field ----

// dateLine is the Date field of this second.
type dateLine struct {
	current atomic.Pointer[dated]
}

type dated struct {
	second int64
	line   string
}

func (d *dateLine) line() string {
	now := time.Now()
	if c := d.current.Load(); c != nil && c.second == now.Unix() {
		return c.line
	}
	c := &dated{now.Unix(), "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"}
	d.current.Store(c)
	return c.line
}
