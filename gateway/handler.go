package gateway

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/httpserver"
)

// Options configure a [Handler]. The zero value works.
type Options struct {
	// Log takes the application's exceptions and its breaches of PEP 3333; nil is slog.Default().
	Log *slog.Logger
	// Failed counts the requests that the application has ended by an exception, or without an answer; nil means no counter.
	Failed *atomic.Int64
	// Debug shows exceptions with their tracebacks to the client. Never use it in production.
	Debug bool
}

// Handler serves one application: it makes an [Exchange] of each request and sees the application's
// response through to its end. It is an httpserver.Handler.
type Handler struct {
	app       App
	environ   *environ.Builder
	log       *slog.Logger
	debug     bool
	failed    *atomic.Int64
	exchanges []Exchange // one a thread
	refused   httpserver.Throttle
	warned    sync.Map // hop-by-hop names that were named in the log already
}

// NewHandler returns a Handler for app that can be called on the given number of threads.
func NewHandler(app App, builder *environ.Builder, threads int, o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Handler{app: app, environ: builder, log: o.Log, debug: o.Debug, failed: o.Failed, exchanges: make([]Exchange, threads)}
}

// Serve answers r on Python thread number thread.
func (h *Handler) Serve(thread int, w httpserver.ResponseWriter, r *httpserver.Request) {
	x := &h.exchanges[thread]
	x.reset(h, w, r)
	defer x.Input.release()
	if err := h.environ.Build(&x.Environ, r); err != nil {
		x.refuseRequest(err)
		return
	}
	res, err := h.app.Call(thread, x)
	if res.Body != nil {
		defer x.close(res.Body) // deferred, so that a panic in the engine does not leave it out
	}
	if err == nil {
		err = x.send(res)
	}
	x.finish(err)
}

// close calls the response's close(), which comes after its last byte and can change nothing in it ("PEP
// 3333, Specification Details").
func (x *Exchange) close(body Body) {
	switch err := body.Close(); {
	case timedOut(err):
		x.interrupted(err)
	case err != nil:
		x.h.log.Error("exception in close() of the response", x.attrs("error", err, "traceback", traceback(err))...)
	}
}

// interrupted logs where the application was when its time was over. Who has interrupted it has logged why, and answered.
func (x *Exchange) interrupted(err error) {
	x.h.log.Debug("the application was interrupted: the request had run into its time-out",
		x.attrs("error", err, "traceback", traceback(err))...)
}

// send sends what the application returned: each chunk before the next is asked for ("PEP 3333,
// Buffering and Streaming").
func (x *Exchange) send(res Result) error {
	if res.File != nil {
		return x.sendFile(res.File)
	}
	for !x.full() {
		chunk, err := res.Body.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case len(chunk) == 0:
			if err := x.goOn(); err != nil {
				return err
			}
			continue
		}
		// "PEP 3333, Handling the Content-Length Header": an iterable of length one gives the length.
		if res.Len == 1 && x.mayTellLength() {
			x.head.ContentLength = int64(len(chunk))
		}
		if err := x.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}

// finish ends the response, with err if the application failed.
func (x *Exchange) finish(err error) {
	defer func() { x.over = true }()
	x.warnHopByHop()
	if err == nil && x.reraised {
		err = errReraised
	}
	switch {
	case x.transport != nil || errors.Is(err, httpserver.ErrDisconnected):
		x.h.log.Debug("the client closed the connection before it had the whole response", x.attrs("error", err)...)
		x.w.Abort()
	case timedOut(err):
		x.interrupted(err)
		x.w.Abort()
	case err != nil && !x.sent && atomic.LoadInt32(&x.Input.refusal) != 0:
		x.refuseContent(err)
	case err != nil:
		x.fail("exception in the application", err)
	case !x.started:
		x.fail("broken application", refuse(AssertionError, "the application returned without calling start_response()"))
	default:
		x.complete()
	}
}

// complete sends what an application without (further) content leaves to be sent.
func (x *Exchange) complete() {
	if !x.sent && !x.head.NoContent && x.head.ContentLength < 0 {
		x.head.ContentLength = 0
	}
	if err := x.sendHead(); err != nil {
		x.w.Abort()
		return
	}
	if !x.head.NoContent && x.written < x.head.ContentLength {
		err := &ShortBodyError{Declared: x.head.ContentLength, Sent: x.written}
		x.h.log.Error("the response is too short: the connection is cut off", x.attrs("error", err)...)
		if !x.filed { // the engine cuts off by itself once it has sent the file
			x.w.Abort()
		}
	}
}

// fail logs err and informs the client: by a 500 when nothing was sent yet, else by breaking off.
func (x *Exchange) fail(what string, err error) {
	if x.h.failed != nil {
		x.h.failed.Add(1)
	}
	x.h.log.Error(what, x.attrs("error", err, "traceback", traceback(err))...)
	if x.sent {
		x.w.Abort()
		return
	}
	x.answer(500, err)
}

// refuseRequest answers a request for which there is no environ.
func (x *Exchange) refuseRequest(err error) {
	status := 400
	if errors.Is(err, environ.ErrNotMounted) {
		status = 404
	}
	x.h.refused.Info(x.h.log, "request refused", x.attrs("status", status, "error", err)...)
	x.answer(status, nil)
}

// refuseContent answers a request whose content the client has sent wrongly, while the application was reading it and has
// let the exception pass.
func (x *Exchange) refuseContent(err error) {
	status := int(atomic.LoadInt32(&x.Input.refusal))
	x.h.refused.Info(x.h.log, "request refused", x.attrs("status", status, "error", err, "traceback", traceback(err))...)
	x.answer(status, nil)
}

// noteHopByHop keeps the name of a dropped field, once for each name, for warnHopByHop: start_response may
// not wait for the log, as it runs with the GIL held.
func (x *Exchange) noteHopByHop(name string) {
	if _, known := x.h.warned.LoadOrStore(strings.ToLower(name), true); !known {
		x.dropped = append(x.dropped, name)
	}
}

// warnHopByHop says that the application may not set these fields.
func (x *Exchange) warnHopByHop() {
	for _, name := range x.dropped {
		x.h.log.Warn("the application sets a hop-by-hop header, which is the server's: dropped, now and from here on",
			x.attrs("header", name)...)
	}
}
