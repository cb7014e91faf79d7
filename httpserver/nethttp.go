package httpserver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyserve/pyserve/httpserver/http1"
)

// netHTTP is the engine on top of net/http: one goroutine a connection reads requests, takes in their
// content, and hands them to a thread; files are sent, and connections cut off, back on that goroutine.
//
// What net/http keeps from us: the order and the spelling of the request's header fields (they come sorted
// by name, in canonical spelling), the Host field beside an absolute-form target, the reason phrase and
// the order of the response's fields, Content-Type and Content-Length of a 304. It answers malformed heads
// (400, 431, 501, 505) and unknown expectations (417) by itself, without a line in the access log.
type netHTTP struct {
	h       Handler
	d       Threads
	o       Options
	ids     *RequestIDs
	memory  sync.Pool // of *requestMemory
	refused Throttle  // of lines about a full queue
	aged    Throttle  // and about requests that waited too long
	stats   Stats
	spools  SpoolTrouble

	leaving atomic.Bool // every answer is its connection's last
}

// NewHTTPHandler returns the net/http engine without its server, for Go programs that have their own: it
// makes a Request of each http.Request, waits until a thread of d has answered it with h, and sends the
// answer. A request that cannot be answered in full ends in panic(http.ErrAbortHandler), as net/http wants
// it; a panic of h is logged and answered by 500 or, too late for that, in the same way.
//
// Called by an http.Server, that server should have DisableGeneralOptionsHandler set, or `OPTIONS *` does
// not arrive here.
func NewHTTPHandler(h Handler, d Threads, o Options) http.Handler { return newNetHTTP(h, d, o) }

func newNetHTTP(h Handler, d Threads, o Options) *netHTTP {
	return &netHTTP{
		h:      h,
		d:      d,
		o:      o.withDefaults(),
		ids:    NewRequestIDs(),
		memory: sync.Pool{New: func() any { return new(requestMemory) }},
	}
}

// exchange is one request on its way through the engine.
type exchange struct {
	e    *netHTTP
	hr   *http.Request
	req  Request
	res  netResponse
	body netBody
}

// ServeHTTP implements http.Handler.
func (e *netHTTP) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	e.stats.Requests.Add(1)
	memory := e.memory.Get().(*requestMemory)
	x := &exchange{e: e, hr: hr}
	e.translate(&x.req, hr, memory)
	x.body.init(w, hr, e)
	x.res.init(w, hr, e, &x.body)

	if err := x.takeBody(); err != nil {
		x.refuseBody(err)
	} else {
		x.dispatch()
	}
	x.body.close()
	x.log()
	cut := x.res.cut
	if !cut {
		x.body.linger(&x.res)
	}
	memory.release(&e.memory)
	if cut {
		panic(http.ErrAbortHandler)
	}
}

// takeBody makes the content readable for the handler.
func (x *exchange) takeBody() error {
	if err := errors.Join(checkExpectation(x.hr), checkRepeats(x.hr.Header)); err != nil {
		return err
	}
	err := x.body.open()
	x.req.Body, x.req.ContentLength = x.body.reader, x.body.length
	return err
}

// dispatch has the request answered on a thread.
func (x *exchange) dispatch() {
	entered := time.Now()
	err := x.do(func(thread int) {
		x.req.Queued = time.Since(entered)
		x.e.h.Serve(thread, &x.res, &x.req)
	})
	var panicked *TaskPanic
	switch {
	case err == nil:
		x.res.finish()
	case errors.As(err, &panicked):
		x.failed(panicked)
	case errors.Is(err, ErrQueueFull):
		x.e.stats.QueueFull.Add(1)
		x.e.refused.Log(x.e.o.Log, "refused by 503: the queue for the threads is full")
		x.refuse(http.StatusServiceUnavailable, "The server has more requests than it can work on. Try again later.",
			HeaderField{Name: "Retry-After", Value: "1"})
	case errors.Is(err, errAged):
		x.e.stats.QueueAged.Add(1)
		x.e.aged.Log(x.e.o.Log, "refused by 503: it waited too long for a thread")
		x.res.closing = true
		x.refuse(http.StatusServiceUnavailable, "The server has more requests than it can work on. Try again later.",
			HeaderField{Name: "Retry-After", Value: "1"})
	case errors.Is(err, ErrClosed):
		x.res.closing = true
		x.refuse(http.StatusServiceUnavailable, "The server is shutting down.")
	default:
		x.e.o.Log.Debug("the client closed the connection before its request had a thread", "id", x.req.ID)
		x.res.vanish(statusClientGone)
	}
}

// statusClientGone stands in the access log for a request whose client left before there was an answer; it
// never goes on the wire. The number is nginx's.
const statusClientGone = 499

// do runs f on a thread. A panic comes back as an error of type *TaskPanic.
func (x *exchange) do(f func(thread int)) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case *TaskPanic:
			err = v
		default:
			panic(v)
		}
	}()
	ctx := x.hr.Context()
	if age := x.e.o.Limits.QueueAge; age > 0 {
		aged, cancel := context.WithTimeoutCause(ctx, age, errAged)
		defer cancel()
		ctx = aged
	}
	queued, err := x.e.d.Do(ctx, f)
	if err != nil {
		x.req.Queued = queued
	}
	if errors.Is(err, context.DeadlineExceeded) && context.Cause(ctx) == errAged {
		return errAged
	}
	return err
}

// errAged means that a request has waited for a thread for longer than Limits.QueueAge.
var errAged = errors.New("it waited too long for a thread")

// failed ends a request whose handler panicked.
func (x *exchange) failed(p *TaskPanic) {
	x.res.dropFile()
	if p.Value == http.ErrAbortHandler {
		x.res.Abort()
		x.res.finish()
		return
	}
	x.e.o.Log.Error("panic while answering a request", "id", x.req.ID, "method", string(x.req.Method),
		"target", string(x.req.Target), "panic", p.Value, "stack", string(p.Stack))
	if !x.res.reset() {
		x.res.Abort()
		x.res.finish()
		return
	}
	x.refuse(http.StatusInternalServerError, "The server failed to answer this request.")
}

// refuse answers with a short text of the engine's own.
func (x *exchange) refuse(status int, text string, more ...HeaderField) {
	x.e.o.CountRefusal(status)
	text = http.StatusText(status) + "\n\n" + text + "\n"
	head := &Head{
		Status:        status,
		Fields:        append(more, HeaderField{Name: "Content-Type", Value: "text/plain; charset=utf-8"}),
		ContentLength: int64(len(text)),
		NoContent:     string(x.req.Method) == http.MethodHead,
	}
	err := x.res.WriteHead(head)
	if err == nil && !head.NoContent {
		err = x.res.Write([]byte(text))
	}
	if err != nil {
		x.e.o.Log.Debug("a refusal did not reach the client", "id", x.req.ID, "status", status, "error", err)
	}
	x.res.finish()
}

// checkExpectation refuses what is no 100-continue (RFC 9110, section 10.1.1). net/http's own check lets
// lists pass, and does not run in front of a foreign server's handler.
func checkExpectation(hr *http.Request) error {
	if !hr.ProtoAtLeast(1, 1) {
		return nil
	}
	for _, value := range hr.Header["Expect"] {
		for member := range strings.SplitSeq(value, ",") {
			if member = strings.TrimSpace(member); member != "" && !strings.EqualFold(member, "100-continue") {
				return errExpectation
			}
		}
	}
	return nil
}

// checkRepeats refuses a second field with one value, as http1 does.
func checkRepeats(header http.Header) error {
	for name, values := range header {
		if len(values) > 1 && http1.Singleton(name) {
			return errRepeated
		}
	}
	return nil
}

// log writes the line for the access log.
func (x *exchange) log() {
	e := x.e
	if e.o.AccessLog == nil {
		return
	}
	err := e.o.AccessLog.Log(&AccessEntry{
		Time:      x.req.Arrived,
		Remote:    x.req.Remote.Addr(),
		Method:    x.req.Method,
		Target:    x.req.Target,
		Referer:   []byte(x.hr.Header.Get("Referer")),
		UserAgent: []byte(x.hr.Header.Get("User-Agent")),
		Proto:     x.req.Proto,
		Status:    x.res.status,
		Bytes:     x.res.written,
		RequestID: x.req.ID,
		Duration:  time.Since(x.req.Arrived),
		Queued:    x.req.Queued,
		Aborted:   x.res.cut,
	})
	if err != nil { // which the log reports itself
		e.stats.AccessLogLost.Add(1)
	}
}
