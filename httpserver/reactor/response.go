//go:build linux

package reactor

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

// A framing tells the client where the content ends.
type framing uint8

const (
	byLength framing = iota
	byChunks
	untilClose
)

// response is the httpserver.ResponseWriter of a worker. It collects what goes out with the next system
// call; what the client does not take goes into the connection's out.
type response struct {
	w        *worker
	c        *conn
	content  bytes.Reader // of a request whose content was there as a whole
	streamed *streamed    // of a request whose content comes in meanwhile; nil otherwise

	minor     int
	last      bool // the connection closes afterwards
	headSet   bool
	sent      bool // something has gone out
	aborted   bool
	noContent bool
	mode      framing
	status    int
	length    int64
	written   int64
	failed    error
	filed     bool

	buf []byte // not sent yet: the head, small content, chunk framing
}

var (
	errHeadTwice = errors.New("WriteHead was called a second time")
	errNoHead    = errors.New("content was sent before WriteHead")
	errTooMuch   = errors.New("more content was sent than Head.ContentLength announced, or after SendFile")
)

func (res *response) begin(w *worker, c *conn, minor int, last bool) {
	*res = response{w: w, c: c, minor: minor, last: last, length: -1, buf: res.buf[:0], content: res.content, streamed: res.streamed}
}

// WriteHead implements httpserver.ResponseWriter.
func (res *response) WriteHead(h *httpserver.Head) error {
	if res.headSet {
		return errHeadTwice
	}
	res.headSet, res.status, res.length, res.noContent = true, h.Status, h.ContentLength, h.NoContent
	// Content that the handler has not read yet may never be: then the next request could not be found.
	res.last = res.last || h.Close || res.streamed != nil && !res.streamed.done
	switch {
	case h.NoContent || h.ContentLength >= 0:
		res.mode = byLength
	case res.minor > 0:
		res.mode = byChunks
	default:
		res.mode, res.last = untilClose, true
	}
	res.buf = res.appendHead(res.buf, h)
	return nil
}

func (res *response) appendHead(b []byte, h *httpserver.Head) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(h.Status), 10)
	b = append(b, ' ')
	b = append(b, h.Reason...)
	b = append(b, "\r\n"...)
	server, date := false, false
	for i := range h.Fields {
		f := &h.Fields[i]
		switch len(f.Name) {
		case len("Date"):
			date = date || equalFold([]byte(f.Name), "Date")
		case len("Server"):
			server = server || equalFold([]byte(f.Name), "Server")
		}
		b = appendField(b, f.Name, f.Value)
	}
	if !server {
		b = appendField(b, "Server", res.w.r.o.HTTP.ServerName)
	}
	if !date {
		b = append(b, res.w.r.date.line()...)
	}
	switch {
	case h.ContentLength >= 0 && h.Status != http.StatusNoContent:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, h.ContentLength, 10)
		b = append(b, "\r\n"...)
	case res.mode == byChunks && !h.NoContent:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	switch {
	case res.last:
		b = append(b, "Connection: close\r\n"...)
	case res.minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return append(b, "\r\n"...)
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// Write implements httpserver.ResponseWriter.
func (res *response) Write(p []byte) error {
	switch {
	case res.failed != nil:
		return res.failed
	case !res.headSet:
		return errNoHead
	case len(p) == 0:
		return nil
	case res.filed, res.noContent, res.length >= 0 && int64(len(p)) > res.length-res.written:
		return errTooMuch
	}
	if res.mode == byChunks {
		res.buf = strconv.AppendInt(res.buf, int64(len(p)), 16)
		res.buf = append(res.buf, "\r\n"...)
		res.written += int64(len(p))
		return res.send(p, "\r\n")
	}
	res.written += int64(len(p))
	return res.send(p, "")
}

// joined is how large content may be to be copied behind the head rather than sent from where it is.
const joined = 8 << 10

// send sends buf, p and tail. What the client does not take is kept in the connection's out, up to a bound
// beyond which send waits.
func (res *response) send(p []byte, tail string) error {
	c := res.c
	res.sent = true
	if c.out != nil {
		if err := res.keep(res.buf, p, []byte(tail)); err != nil {
			return err
		}
		return res.await()
	}
	if len(p) <= joined {
		res.buf = append(append(res.buf, p...), tail...)
		n, err := c.writeAll(res.buf)
		if err != nil {
			return res.broken(err)
		}
		return res.keep(res.buf[n:])
	}
	n, err := res.vector(p, tail)
	if err != nil {
		return res.broken(err)
	}
	parts := [][]byte{res.buf, p, []byte(tail)}
	for i, part := range parts {
		skip := min(n, len(part))
		parts[i], n = part[skip:], n-skip
	}
	if err := res.keep(parts...); err != nil {
		return err
	}
	return res.await()
}

// vector writes buf, p and tail by one call. It returns how many bytes the client took.
func (res *response) vector(p []byte, tail string) (int, error) {
	var vector [3]unix.Iovec
	n := 0
	for _, part := range [][]byte{res.buf, p, []byte(tail)} {
		if len(part) > 0 {
			vector[n].Base = &part[0]
			vector[n].SetLen(len(part))
			n++
		}
	}
	for {
		n, err := rawWritev(res.c.fd, vector[:n])
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return n, err
		}
	}
}

// keep adds parts to the connection's out, and empties buf.
func (res *response) keep(parts ...[]byte) error {
	c := res.c
	for _, part := range parts {
		if len(part) == 0 {
			continue
		}
		if c.out == nil {
			c.out, c.outSent = httpserver.NewSpool(responseMemory, c.r.o.HTTP.SpoolDir), 0
		}
		if _, err := c.out.Write(part); err != nil {
			c.r.o.Log.Error("no room for a response that the client does not take: it is cut off", "error", err)
			return res.broken(err)
		}
	}
	res.buf = res.buf[:0]
	return nil
}

// await sends what it can of the connection's out, and blocks while too much is left.
func (res *response) await() error {
	c := res.c
	for c.out != nil {
		done, err := res.w.drain(c)
		if err != nil {
			return res.broken(err)
		}
		if done || c.out.Size()-c.outSent <= c.r.o.ResponseBuffer {
			return nil
		}
		if err := c.wait(unix.POLLOUT, c.r.o.WriteTimeout); err != nil {
			c.r.stats.WriteTimeouts.Add(1)
			return res.broken(err)
		}
	}
	return nil
}

func (res *response) broken(err error) error {
	res.buf = res.buf[:0]
	res.failed = errors.Join(httpserver.ErrDisconnected, err)
	return res.failed
}

// SendFile implements httpserver.ResponseWriter.
func (res *response) SendFile(f *os.File, offset, n int64) error {
	err := res.failed
	switch {
	case err != nil:
	case !res.headSet:
		err = errNoHead
	case res.filed, res.noContent, res.length >= 0 && n > res.length-res.written, offset < 0, n < 0:
		err = errTooMuch
	}
	if err != nil {
		f.Close()
		return err
	}
	if res.mode == byChunks { // one chunk: its length is known
		res.buf = strconv.AppendInt(res.buf, n, 16)
		res.buf = append(res.buf, "\r\n"...)
	}
	res.filed = true
	res.written += n
	res.c.file, res.c.fileAt, res.c.fileLeft = f, offset, n
	return nil
}

// Abort implements httpserver.ResponseWriter.
func (res *response) Abort() { res.aborted = true }

// Disconnected implements httpserver.ResponseWriter. A client that only shut down its sending side counts
// too: the kernel does not tell the two apart.
func (res *response) Disconnected() bool {
	return res.failed != nil || res.c.hangup || res.c.bits.Load()&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
}

// end completes the response after the handler.
func (res *response) end() {
	c := res.c
	switch {
	case !res.headSet || res.failed != nil:
		res.aborted = true
	case res.length > res.written && !res.noContent:
		if res.aborted = !res.filed; res.filed {
			res.last, c.shortFile = true, true
		}
	}
	if res.aborted {
		return
	}
	if res.mode == byChunks && !res.noContent {
		if res.filed {
			c.fileEnd = "\r\n0\r\n\r\n"
		} else {
			res.buf = append(res.buf, "0\r\n\r\n"...)
		}
	}
	if len(res.buf) > 0 && res.send(nil, "") != nil {
		res.aborted = true
	}
}

// fail makes a 500 of a response whose handler has panicked, or aborts it.
func (res *response) fail() {
	c := res.c
	if res.sent || c.file != nil {
		res.aborted = true
		return
	}
	last := res.last
	res.begin(res.w, c, res.minor, last)
	text := "500 Internal Server Error\n"
	res.WriteHead(&httpserver.Head{Status: 500, Reason: "Internal Server Error", ContentLength: int64(len(text)), Close: true,
		Fields: []httpserver.HeaderField{{Name: "Content-Type", Value: "text/plain"}}})
	res.Write([]byte(text))
}

// writeAll is write(2) until everything is out or the client takes no more.
func (c *conn) writeAll(p []byte) (n int, err error) {
	for n < len(p) {
		m, err := rawWrite(c.fd, p[n:])
		switch err {
		case nil:
			n += m
		case unix.EINTR:
		case unix.EAGAIN:
			return n, nil
		default:
			return n, err
		}
	}
	return n, nil
}

// wait blocks until the descriptor is ready for events, or fails with os.ErrDeadlineExceeded.
func (c *conn) wait(events int16, timeout time.Duration) error {
	end := time.Now().Add(timeout)
	for {
		fds := []unix.PollFd{{Fd: int32(c.fd), Events: events}}
		n, err := unix.Poll(fds, int(max(time.Until(end).Milliseconds(), 0)))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n == 0:
			return os.ErrDeadlineExceeded
		default:
			return nil
		}
	}
}

// equalFold compares with an ASCII string.
func equalFold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}
