package nethttp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// response is the [httpserver.ResponseWriter] of the net/http engine. What the handler calls runs on its thread, and never
// waits for the client: a pump sends. finish, complete, reset and vanish run on net/http's goroutine before and after
// that.
//
// A file given to SendFile is sent with sendfile(2) where the system has it, which moves the file's own
// offset: the descriptor must not share its open file description with the application (no dup(2)).
type response struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	hr   *http.Request
	e    *engine
	body *body

	status    int   // for the access log too
	length    int64 // content that is to come, -1 when not known
	noContent bool
	closing   bool        // the connection is to be closed after this response
	inherited http.Header // fields that were there before WriteHead, set by Go code around the engine
	headSet   bool
	committed bool // net/http has the head: it cannot be changed any more
	written   int64
	pump      *pump // sends the content; nil before there is some
	failed    error // sticky: the client is gone

	file           *os.File
	offset, filled int64 // filled: how many bytes of file to send

	hijacked net.Conn // what the connection was before the handler took it over; nil if it has not

	aborted bool
	cut     bool // the outcome: the connection is to be cut off
}

func (r *response) init(w http.ResponseWriter, hr *http.Request, e *engine, body *body) {
	r.w, r.rc, r.hr, r.e, r.body = w, http.NewResponseController(w), hr, e, body
	r.length = -1
	c := connectionOf(hr)
	c.served++
	if limit := e.limits.KeepAliveRequests; c.conn != nil && limit > 0 && c.served >= limit {
		e.counters.KeepAliveEnds.Add(1)
		e.o.Log.Debug("the connection closes after this request: it has made as many requests as are allowed", "option", "KeepAliveRequests", "remote", c.remote)
		r.closing = true
	}
}

// WriteHead implements [httpserver.ResponseWriter].
func (r *response) WriteHead(h *httpserver.Head) error {
	if r.headSet || r.hijacked != nil {
		return httpserver.ErrHeadTwice
	}
	r.headSet = true
	r.status, r.length, r.noContent = h.Status, h.ContentLength, h.NoContent
	r.closing = r.closing || h.Close || r.e.leaving.Load()
	header := r.w.Header()
	if len(header) > 0 {
		r.inherited = header.Clone()
	}
	setFields(header, h.Fields)
	if header["Server"] == nil {
		header["Server"] = []string{r.e.o.ServerName}
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // else net/http guesses one
	}
	if r.length >= 0 && h.Status != http.StatusNoContent {
		header["Content-Length"] = []string{strconv.FormatInt(r.length, 10)}
	}
	return nil
}

// singular are the fields that net/http looks for, or adds, under the canonical name.
var singular = [...]string{"Connection", "Content-Type", "Date", "Server"}

// setFields fills header in the spelling given, but for the singular ones.
func setFields(header http.Header, fields []httpserver.HeaderField) {
	values := make([]string, len(fields))
next:
	for i, f := range fields {
		values[i] = f.Value
		for _, name := range singular {
			if strings.EqualFold(f.Name, name) {
				header[name] = values[i : i+1 : i+1]
				continue next
			}
		}
		if name := f.Name; header[name] != nil {
			header[name] = append(header[name], f.Value)
		} else {
			header[name] = values[i : i+1 : i+1]
		}
	}
}

// commit gives net/http the head; it goes out with the next flush. Nothing else may be using r.w.
func (r *response) commit() {
	if r.committed {
		return
	}
	r.committed = true
	if !r.body.ended.Load() {
		// net/http would read the rest of the content before it sends anything, and would take from the
		// handler what it has not read yet.
		r.closing = true
		_ = r.rc.EnableFullDuplex() // HTTP/2 always is
	}
	if r.closing && r.hr.ProtoMajor == 1 {
		r.w.Header()["Connection"] = []string{"close"}
	}
	r.hasten()
	r.w.WriteHeader(r.status)
}

// Write implements [httpserver.ResponseWriter]. The pump has p when it returns.
func (r *response) Write(p []byte) error {
	if err := r.ready(int64(len(p))); err != nil || len(p) == 0 {
		return err
	}
	r.commit()
	if r.pump == nil {
		r.pump = r.newPump()
		r.pump.start()
	}
	if err := r.pump.put(p); err != nil {
		return r.broken(err)
	}
	r.written += int64(len(p))
	return nil
}

func (r *response) newPump() *pump {
	o := &r.e.o
	return &pump{
		write: func(p []byte) error {
			r.hasten()
			_, err := r.w.Write(p)
			return err
		},
		flush:  r.flush,
		limit:  r.e.limits.ResponseBuffer,
		create: func() *httpserver.Spool { return o.NewSpool(pumpMemory) },
		trouble: func(err error) {
			r.e.counters.SpoolDiskWaits.Add(1)
			r.e.spools.Response(o.Log, o.SpoolDir, err)
		},
	}
}

// hasten gives the client until --write-timeout to take the next piece. Under a foreign server that is its own to
// decide.
func (r *response) hasten() {
	if connectionOf(r.hr).conn != nil {
		_ = r.rc.SetWriteDeadline(time.Now().Add(r.e.limits.WriteTimeout))
	}
}

// ready reports why n bytes of content cannot be sent.
func (r *response) ready(n int64) error {
	switch {
	case r.failed != nil:
		return r.failed
	case !r.headSet:
		return httpserver.ErrNoHead
	case r.file != nil, r.noContent && n > 0:
		return httpserver.ErrNoMore
	case r.length >= 0 && n > r.length-r.written:
		return httpserver.ErrTooMuch
	}
	return nil
}

func (r *response) flush() error {
	err := r.rc.Flush()
	if errors.Is(err, http.ErrNotSupported) { // the engine is mounted in something that buffers
		return nil
	}
	return err
}

// broken keeps a failure to write: the client is gone, or takes nothing.
func (r *response) broken(err error) error {
	if err != nil {
		r.failed = fmt.Errorf("%w: %w", httpserver.ErrDisconnected, err)
	}
	return r.failed
}

// SendFile implements [httpserver.ResponseWriter].
func (r *response) SendFile(f *os.File, offset, n int64) error {
	err := r.ready(n)
	if err == nil && (offset < 0 || n < 0) {
		err = httpserver.ErrBadSection
	}
	if err != nil {
		f.Close()
		return err
	}
	r.file, r.offset, r.filled = f, offset, n
	return nil
}

// Abort implements [httpserver.ResponseWriter]. A client that has a part of the answer sees it immediately, though the handler may go on
// for long.
func (r *response) Abort() {
	r.aborted = true
	if r.hijacked != nil {
		r.endHijacked()
		return
	}
	if c := connectionOf(r.hr).conn; r.committed && c != nil && r.hr.ProtoMajor == 1 {
		go r.hangUp(c, r.pump)
	}
}

// hangUp closes the connection once the client has what p has of the answer.
func (r *response) hangUp(c net.Conn, p *pump) {
	if p != nil {
		_ = p.finish()
	}
	r.resetIfEndless()
	_ = c.Close()
}

// Disconnected implements [httpserver.ResponseWriter]. A client that only shuts down its sending side counts as gone
// too, though it would still get what is written: net/http cannot tell the two apart.
func (r *response) Disconnected() bool {
	return r.failed != nil || r.pump != nil && r.pump.failure() != nil || r.hr.Context().Err() != nil
}

// finish sends what is left to be sent once the handler has returned, and decides about the connection.
func (r *response) finish() {
	defer r.dropFile()
	if r.hijacked != nil {
		_ = r.hijacked.Close() // the handler has a descriptor of its own
		return
	}
	if r.pump != nil {
		_ = r.broken(r.pump.finish())
	}
	if r.aborted || !r.headSet || r.failed != nil {
		r.cutOff()
		return
	}
	if r.file == nil && r.length > r.written && !r.noContent {
		r.e.o.Log.Debug("the response is shorter than announced: the connection is cut off", "announced", r.length, "sent", r.written)
		r.cutOff()
		return
	}
	r.commit()
	if r.file == nil {
		return
	}
	if err := r.sendFile(); err != nil && r.failed == nil {
		r.e.o.Log.Info("a file was not sent to its end: the connection is cut off", "file", r.file.Name(),
			"offset", r.offset, "length", r.filled, "error", err)
		r.cutOff()
	} else if err != nil {
		r.cutOff()
	}
}

// filePiece is how much of a file is written by one call: room for so much a client has --write-timeout to make.
const filePiece = 64 << 10

// sendFile copies the file to the connection. net/http uses sendfile(2) for an io.LimitedReader of a file.
func (r *response) sendFile() error {
	if _, err := r.file.Seek(r.offset, io.SeekStart); err != nil {
		return err
	}
	var err error
	for left := r.filled; left > 0 && err == nil; {
		r.hasten()
		var n int64
		n, err = io.CopyN(r.w, r.file, min(left, filePiece))
		r.written, left = r.written+n, left-n
		if err == io.EOF {
			return fmt.Errorf("it ends %d bytes early: %w", left, io.ErrUnexpectedEOF)
		}
	}
	if err == nil {
		err = r.flush()
	}
	if tooSlow(err) {
		return r.broken(err)
	}
	if err == nil && r.length > r.written {
		err = errors.New("it does not complete the announced length")
	}
	return err
}

// dropFile closes the file, sent or not.
func (r *response) dropFile() {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}

// complete reports whether the client has been sent all of a response whose end it can see.
func (r *response) complete() bool {
	return r.committed && !r.cut && (r.noContent || r.length >= 0) && r.flush() == nil
}

// reset takes back a head that net/http does not have yet, and reports whether that was so.
func (r *response) reset() bool {
	if r.committed || r.hijacked != nil {
		return false
	}
	header := r.w.Header()
	clear(header)
	for name, values := range r.inherited {
		header[name] = values
	}
	r.headSet, r.aborted = false, false
	return true
}

// vanish ends a request without an answer; status is for the access log.
func (r *response) vanish(status int) {
	r.status = status
	r.cutOff()
}

// cutOff has the connection closed so that the client sees that the response is not complete. Content
// that only the end of the connection would end needs a reset for that, as does what nobody takes: it would lie in the
// kernel.
func (r *response) cutOff() {
	r.cut = true
	if r.status == 0 {
		r.status = http.StatusInternalServerError
	}
	if tooSlow(r.failed) {
		r.e.counters.WriteTimeouts.Add(1)
		r.e.o.Log.Info("the client did not take the response in time: the connection is cut off", "remote", connectionOf(r.hr).remote)
		r.endByReset()
		return
	}
	r.resetIfEndless()
}

// resetIfEndless has the connection end by a reset if the client could take its end for the end of the content.
func (r *response) resetIfEndless() {
	if r.committed && r.length < 0 && !r.hr.ProtoAtLeast(1, 1) {
		r.endByReset()
	}
}

// endByReset has the client see an error when the connection is closed.
func (r *response) endByReset() {
	if c, ok := connectionOf(r.hr).conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = c.SetLinger(0)
	}
}
