//go:build linux

package reactor

import (
	"bytes"
	"net/http"
	"os"
	"strconv"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/internal/disk"
)

// A framing shows the client where the content ends.
type framing uint8

const (
	byLength framing = iota
	byChunks
	untilClose
)

// response is the httpserver.ResponseWriter of a poller: it frames the answer, and has it leave.
type response struct {
	departure
	content  bytes.Reader // of a request whose content was there as a whole
	streamed *streamed    // of a request whose content comes in meanwhile; nil otherwise

	minor     int
	last      bool // the connection closes afterwards
	headSet   bool
	aborted   bool
	noContent bool
	mode      framing
	status    int
	length    int64
	written   int64
	failed    error
	filed     bool
	hijacked  bool
	rest      []byte // received behind the request
}

func (res *response) begin(p *poller, c *conn, minor int, last bool) {
	*res = response{departure: departure{p: p, c: c, buf: res.buf[:0]}, minor: minor, last: last, length: -1, content: res.content, streamed: res.streamed}
}

// WriteHead implements httpserver.ResponseWriter.
func (res *response) WriteHead(h *httpserver.Head) error {
	if res.headSet || res.hijacked {
		return httpserver.ErrHeadTwice
	}
	res.p.clock.tick(res.p.r)
	res.headSet, res.status, res.length, res.noContent = true, h.Status, h.ContentLength, h.NoContent
	// Content that the handler has not read yet may never be: then the next request could not be found.
	res.last = res.last || h.Close || res.p.r.leaving.Load() || res.streamed != nil && !res.streamed.done
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

func appendStatusLine(b []byte, status int, reason string) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, reason...)
	return append(b, "\r\n"...)
}

func (res *response) appendHead(b []byte, h *httpserver.Head) []byte {
	b = appendStatusLine(b, h.Status, h.Reason)
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
		b = appendField(b, "Server", res.p.r.http.ServerName)
	}
	if !date {
		b = append(b, res.p.r.date.line(res.p.clock.at)...)
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
		return httpserver.ErrNoHead
	case len(p) == 0:
		return nil
	case res.filed, res.noContent:
		return httpserver.ErrNoMore
	case res.length >= 0 && int64(len(p)) > res.length-res.written:
		return httpserver.ErrTooMuch
	}
	res.written += int64(len(p))
	if res.mode == byChunks {
		res.buf = appendChunkSize(res.buf, int64(len(p)))
		return res.send(p, "\r\n")
	}
	return res.send(p, "")
}

// SendFile implements httpserver.ResponseWriter.
func (res *response) SendFile(f *os.File, offset, n int64) error {
	err := res.failed
	switch {
	case err != nil:
	case !res.headSet:
		err = httpserver.ErrNoHead
	case offset < 0, n < 0:
		err = httpserver.ErrBadSection
	case res.filed, res.noContent:
		err = httpserver.ErrNoMore
	case res.length >= 0 && n > res.length-res.written:
		err = httpserver.ErrTooMuch
	}
	if err != nil {
		f.Close()
		return err
	}
	res.filed = true
	if n == 0 { // a chunk of no bytes would be the last
		f.Close()
		return nil
	}
	if res.mode == byChunks { // one chunk: its length is known
		res.buf = appendChunkSize(res.buf, n)
	}
	res.written += n
	res.c.out.file, res.c.out.fileAt, res.c.out.fileLeft = f, offset, n
	return nil
}

func appendChunkSize(b []byte, n int64) []byte {
	return append(strconv.AppendInt(b, n, 16), "\r\n"...)
}

// Abort implements httpserver.ResponseWriter. The client sees it immediately, though the handler may go on for long; an answer
// that is complete and waits in the outbox goes out first.
func (res *response) Abort() {
	res.aborted = true
	if !res.held {
		res.c.cut(res.mode == untilClose && res.sent)
	}
}

// Disconnected implements httpserver.ResponseWriter. A client that only shut down its sending side counts
// too: the kernel does not tell the two apart.
func (res *response) Disconnected() bool {
	return res.failed != nil || res.c.hangup || res.c.bits.Load()&hangupEvents != 0
}

// end completes the response after the handler.
func (res *response) end() {
	c := res.c
	c.out.shortFile = false
	switch {
	case res.hijacked:
		return
	case !res.headSet || res.failed != nil:
		res.aborted = true
	case res.length > res.written && !res.noContent:
		if res.aborted = c.out.file == nil; !res.aborted {
			res.last, c.out.shortFile = true, true
		}
	}
	if res.aborted {
		return
	}
	if res.mode == byChunks && !res.noContent {
		if c.out.file != nil {
			c.out.fileEnd = "\r\n0\r\n\r\n"
		} else {
			res.buf = append(res.buf, "0\r\n\r\n"...)
		}
	}
	if c.out.file != nil && !c.out.shortFile && c.out.fileLeft <= cachedFile && res.sendCached() {
		return
	}
	if len(res.buf) > 0 && res.send(nil, "") != nil {
		res.aborted = true
	}
}

// cachedFile is how large a file may be to be sent with the head if it is in the page cache: that is one call instead of three.
// What is larger, or would have to be read from the disk, is sent by the pool.
const cachedFile = readSize

// sendCached sends the connection's file with the head, and reports whether it could.
func (res *response) sendCached() bool {
	c := res.c
	p := res.p.outBuffer()[:c.out.fileLeft]
	if !disk.ReadCached(c.out.file, p, c.out.fileAt) {
		return false
	}
	_ = disk.Close(c.out.file) // it was only read
	end := c.out.fileEnd
	c.out.file, c.out.fileLeft, c.out.fileEnd = nil, 0, ""
	if res.send(p, end) != nil {
		res.aborted = true
	}
	return true
}

// fail makes a 500 of a response whose handler has panicked, or aborts it.
func (res *response) fail() {
	if res.hijacked {
		return
	}
	res.c.out.reset(res.c.r)
	if res.sent {
		res.aborted = true
		return
	}
	res.begin(res.p, res.c, res.minor, res.last)
	answer := httpserver.OwnAnswer(http.StatusInternalServerError)
	answer.Close = true
	_ = answer.Send(res, string(res.p.scratch.head.Method)) // res keeps its error
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
