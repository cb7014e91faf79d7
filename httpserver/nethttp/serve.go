package nethttp

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// engine is the engine on top of net/http: one goroutine a connection reads requests, takes in their
// content, and hands them to a thread; files are sent, and connections cut off, back on that goroutine.
//
// What net/http keeps from us: the order and the spelling of the request's header fields (they come sorted
// by name, in canonical spelling), the Host field beside an absolute-form target, the reason phrase and
// the order of the response's fields, Content-Type and Content-Length of a 304. It answers malformed heads
// (400, 431, 501, 505) and unknown expectations (417) by itself, without a line in the access log.
type engine struct {
	h        httpserver.Handler
	d        httpserver.Threads
	o        httpserver.Options
	limits   httpserver.Limits
	memory   sync.Pool           // of *requestMemory
	refused  httpserver.Throttle // of lines about a full queue
	aged     httpserver.Throttle // and about requests that waited too long
	row      *scoreboard.Worker
	counters *scoreboard.Counters // row's
	spools   httpserver.SpoolTrouble

	leaving atomic.Bool // every answer is its connection's last
}

// NewHandler returns the net/http engine without its server, for Go programs that have their own: it
// makes a Request of each http.Request, waits until a thread of d has answered it with h, and sends the
// answer. A request that cannot be answered in full ends in panic(http.ErrAbortHandler), as net/http wants
// it; a panic of h is logged and answered by 500 or, too late for that, in the same way.
//
// Called by an http.Server, that server should have DisableGeneralOptionsHandler set, or `OPTIONS *` does
// not arrive here.
func NewHandler(h httpserver.Handler, d httpserver.Threads, o httpserver.Options, l httpserver.Limits) http.Handler {
	return newEngine(h, d, o, l)
}

func newEngine(h httpserver.Handler, d httpserver.Threads, o httpserver.Options, l httpserver.Limits) *engine {
	ids := httpserver.NewRequestIDs()
	row := o.Row
	if row == nil {
		row = scoreboard.Private(1)
	}
	return &engine{
		row: row, counters: row.Counters(),
		h:      h,
		d:      d,
		o:      o.WithDefaults(),
		limits: l.WithDefaults(),
		memory: sync.Pool{New: func() any { return &requestMemory{ids: ids.Block()} }},
	}
}

// exchange is one request on its way through the engine.
type exchange struct {
	e    *engine
	hr   *http.Request
	conn *connection
	req  httpserver.Request
	res  response
	body body
}

// ServeHTTP implements http.Handler.
func (e *engine) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	memory := e.memory.Get().(*requestMemory)
	x := &exchange{e: e, hr: hr, conn: connectionOf(hr)}
	e.translate(&x.req, hr, memory)
	x.body.init(w, hr, e)
	x.res.init(w, hr, e, &x.body)

	if !x.early() {
		if err := x.takeBody(); err != nil {
			x.refuseBody(err)
		} else {
			x.dispatch()
		}
	}
	x.conn.show(scoreboard.ConnReading) // as net/http has it, until the next one
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

// early has the request answered by Options.Early, if that wants to.
func (x *exchange) early() (answered bool) {
	if x.e.o.Early == nil {
		return false
	}
	answer := x.e.o.Early(&x.req)
	if answer == nil {
		return false
	}
	x.e.counters.Early.Add(1)
	if err := httpserver.Catch(func() { answer(&x.res) }); err != nil {
		x.failed(err)
		return true
	}
	x.res.finish()
	return true
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
	x.conn.show(scoreboard.ConnBusy)
	err := x.do(func(thread int) {
		x.req.Queued = time.Since(entered)
		x.e.h.Serve(thread, &x.res, &x.req)
	})
	x.conn.show(scoreboard.ConnWriting)
	var panicked *httpserver.TaskPanic
	switch {
	case err == nil:
		x.res.finish()
	case errors.As(err, &panicked):
		x.failed(panicked)
	case errors.Is(err, httpserver.ErrQueueFull):
		x.e.counters.QueueFull.Add(1)
		x.e.refused.Log(x.e.o.Log, "refused with 503: the queue for the threads is full")
		x.refuse(http.StatusServiceUnavailable)
	case errors.Is(err, errAged):
		x.e.counters.QueueAged.Add(1)
		x.e.aged.Log(x.e.o.Log, "refused with 503: it waited too long for a thread")
		x.res.closing = true
		x.refuse(http.StatusServiceUnavailable)
	case errors.Is(err, httpserver.ErrClosed):
		x.res.closing = true
		x.refuse(http.StatusServiceUnavailable)
	default:
		x.e.o.Log.Debug("the client closed the connection before its request had a thread", "id", x.req.ID)
		x.res.vanish(statusClientGone)
	}
}

// statusClientGone stands in the access log for a request whose client left before there was an answer; it
// never goes on the wire. The number is nginx's.
const statusClientGone = 499

// do runs f on a thread. A panic comes back as an error of type *httpserver.TaskPanic.
func (x *exchange) do(f func(thread int)) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case *httpserver.TaskPanic:
			err = v
		default:
			panic(v)
		}
	}()
	ctx := x.hr.Context()
	if age := x.e.limits.QueueAge; age > 0 {
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
