package gateway

import (
	"errors"
	"time"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/httpserver"
)

// Exchange is one request and its response as the application sees them: the environ, wsgi.input, and
// what stands behind start_response and write. It belongs to one thread and is used again for the next
// request of that thread; whoever hands it to the application has to see to it that no call reaches it
// after the request's end, and that calls come one at a time.
type Exchange struct {
	// Environ holds the variables of the environ that are strings.
	Environ environ.Block
	// Input is the request's content: wsgi.input.
	Input Input
	// ID is the request's id, for log lines.
	ID string

	h *Handler
	w httpserver.ResponseWriter
	r *httpserver.Request

	head      httpserver.Head // what start_response said
	started   bool            // start_response was called and accepted
	sent      bool            // the head was handed to w
	cut       bool            // content beyond Content-Length was seen
	filed     bool            // the rest of the response is a file, which the engine sends
	reraised  bool            // exc_info came after the head: the response cannot be made whole
	over      bool            // the response is complete or aborted: only close() is still to come
	written   int64           // content bytes handed to w
	transport error           // w failed: nothing more can be sent
	goneSince time.Time       // when the client was first seen to be gone by goOn
	dropped   []string        // hop-by-hop fields that no request had before, still to be logged
}

func (x *Exchange) reset(h *Handler, w httpserver.ResponseWriter, r *httpserver.Request) {
	environ, input, fields := x.Environ, x.Input, x.head.Fields[:0]
	*x = Exchange{Environ: environ, Input: input, ID: r.ID, h: h, w: w, r: r}
	x.head.Fields = fields
	x.Environ.Reset()
	x.Input.reset(r)
}

// StartResponse is the start_response callable ("PEP 3333, The start_response() Callable"). It never
// blocks. status and fields hold raw bytes (Latin-1 text); x keeps fields and may change it.
//
// excInfo says that the application passed exc_info. The error is a [*CallError] to be raised in the
// application, or [HeadersSentError].
func (x *Exchange) StartResponse(status string, fields []httpserver.HeaderField, excInfo bool) error {
	if x.sent && excInfo {
		x.reraised = true
		return HeadersSentError{}
	}
	if x.over {
		return errOver
	}
	if x.started && !excInfo {
		return refuse(AssertionError, "start_response() was called twice; only a call with exc_info may replace the headers")
	}
	head, err := parseHead(status, fields, x.noteHopByHop)
	if err != nil {
		return err
	}
	x.head, x.started = head, true
	x.head.NoContent = string(x.r.Method) == "HEAD" || head.Status == 204 || head.Status == 205 || head.Status == 304
	switch head.Status {
	case 204: // RFC 9110, section 8.6: no Content-Length
		x.head.ContentLength = -1
	case 205: // RFC 9110, section 15.3.6: no content, and no way to wait for any
		x.head.ContentLength = 0
	}
	return nil
}

// Write is the write callable, and sends every chunk of the iterable too. It returns once the kernel or
// the engine's spool has the bytes, and blocks until then. The error is a [*CallError], or
// httpserver.ErrDisconnected when the client is gone.
func (x *Exchange) Write(p []byte) error {
	if x.over {
		return errOver
	}
	if x.reraised {
		return errReraised
	}
	if x.transport != nil {
		return x.transport
	}
	if !x.started {
		return refuse(AssertionError, "content was sent before start_response() was called")
	}
	if len(p) == 0 {
		return x.goOn()
	}
	if err := x.sendHead(); err != nil {
		return err
	}
	if x.head.NoContent {
		return nil
	}
	if x.head.ContentLength >= 0 && int64(len(p)) > x.head.ContentLength-x.written {
		p = p[:x.head.ContentLength-x.written]
		x.noteCut()
		if len(p) == 0 {
			return nil
		}
	}
	if err := x.w.Write(p); err != nil {
		return x.broken(err)
	}
	x.written += int64(len(p))
	return nil
}

// goneGrace is how long an application that sends nothing may go on once the client seems to have gone. It may have shut
// down its sending side only, and wait for the answer.
const goneGrace = time.Second

// goOn is what an empty bytestring comes to: nothing is sent, but the application gets on, as far as somebody waits
// for it. The error is httpserver.ErrDisconnected.
func (x *Exchange) goOn() error {
	if x.transport != nil {
		return x.transport
	}
	if idler, ok := httpserver.Extension[httpserver.Idler](x.w); ok {
		if err := idler.Idle(); err != nil {
			return x.broken(err)
		}
	}
	switch {
	case !x.w.Disconnected():
		x.goneSince = time.Time{}
	case x.goneSince.IsZero():
		x.goneSince = time.Now()
	case time.Since(x.goneSince) > goneGrace:
		return x.broken(httpserver.ErrDisconnected)
	}
	return nil
}

// Disconnected reports whether the client is known to be gone.
func (x *Exchange) Disconnected() bool {
	return x.transport != nil || x.w.Disconnected()
}

// sendHead hands the head to the engine, once.
func (x *Exchange) sendHead() error {
	if x.sent {
		return nil
	}
	x.sent = true
	if err := x.w.WriteHead(&x.head); err != nil {
		return x.broken(err)
	}
	return nil
}

// sendFile hands the rest of the response to the engine. The gateway owns f.F.
func (x *Exchange) sendFile(f *File) error {
	n := max(f.Size-f.Offset, 0)
	switch {
	case x.transport != nil: // by a write() whose error the application ignored
		f.F.Close()
		return x.transport
	case !x.started:
		f.F.Close()
		return refuse(AssertionError, "the application returned a file before it called start_response()")
	case x.mayTellLength():
		x.head.ContentLength = n
	case x.head.ContentLength >= 0:
		n = min(n, x.head.ContentLength-x.written)
	}
	if err := x.sendHead(); err != nil || x.head.NoContent || n == 0 {
		f.F.Close()
		return err
	}
	if err := x.w.SendFile(f.F, f.Offset, n); err != nil {
		return x.broken(err)
	}
	x.written += n
	x.filed = true
	return nil
}

// broken keeps a transport error, so that the end of the request knows that nobody listens any more.
func (x *Exchange) broken(err error) error {
	if !errors.Is(err, httpserver.ErrDisconnected) {
		err = errors.Join(httpserver.ErrDisconnected, err)
	}
	x.transport = err
	return err
}

// mayTellLength reports whether a length that the gateway found out by itself can go into the head. To a
// 204 belongs none; in a 304 it would have to be that of the 200 (RFC 9110, section 8.6), which only the
// application knows.
func (x *Exchange) mayTellLength() bool {
	return x.started && !x.sent && x.head.ContentLength < 0 && x.head.Status != 204 && x.head.Status != 304
}

// full reports whether further content could not reach the client.
func (x *Exchange) full() bool {
	return x.sent && x.head.NoContent || x.cut
}

func (x *Exchange) noteCut() {
	if !x.cut {
		x.h.log.Warn("the application sent more content than its Content-Length; the rest was cut off",
			x.attrs("content_length", x.head.ContentLength)...)
	}
	x.cut = true
}

// attrs are what a log line says of the request.
func (x *Exchange) attrs(more ...any) []any {
	return append([]any{"id", x.ID, "method", string(x.r.Method), "target", string(x.r.Target)}, more...)
}
