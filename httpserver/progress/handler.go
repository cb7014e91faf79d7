package progress

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// Handler is an httpserver.Handler that passes every request on to another one, and keeps the records of a
// worker's threads on the scoreboard: the requests that they are in, and what these were when they are over.
type Handler struct {
	inner   httpserver.Handler
	row     *scoreboard.Worker
	threads []thread
	clock   clock
	// now is the time of the watchdog's last look. It is what a movement is recorded with: a clock read costs
	// more than the rest of the record, and a time-out is of seconds.
	now atomic.Int64
}

// NewHandler returns a Handler that calls inner. Its threads have the numbers from 0 to row.Threads()-1.
func NewHandler(inner httpserver.Handler, row *scoreboard.Worker) *Handler {
	h := &Handler{inner: inner, row: row, threads: make([]thread, row.Threads()), clock: newClock()}
	h.now.Store(h.clock.now())
	for i := range h.threads {
		t := &h.threads[i]
		t.h, t.record = h, row.Thread(i)
		t.body.t = t
		t.mu.Lock()
	}
	return h
}

// For returns a handler that does the same for another inner handler, on the same threads.
func (h *Handler) For(inner httpserver.Handler) httpserver.Handler { return other{h, inner} }

// other is a Handler with another inner handler.
type other struct {
	h     *Handler
	inner httpserver.Handler
}

// Serve implements httpserver.Handler.
func (o other) Serve(number int, w httpserver.ResponseWriter, r *httpserver.Request) {
	o.h.serve(o.inner, number, w, r)
}

// thread is a thread's httpserver.ResponseWriter, used for one request after the other.
type thread struct {
	h      *Handler
	record *scoreboard.Thread

	// mu guards what follows, and the use of w. The thread holds it all the time but in the inner handler.
	mu        sync.Mutex
	w         httpserver.ResponseWriter
	r         *httpserver.Request
	number    uint64 // the request's on the scoreboard
	entered   int64
	committed bool // w has the head, or was aborted: there can be no answer of ours
	answered  scoreboard.Answered
	idle      int64 // calls of Idle since the time sent, when content was sent, or the request entered
	sent      int64

	// expired says that the response is no more the application's. It only becomes true under mu and body.mu.
	expired atomic.Bool
	body    seekableBody
	// hijacked says that the connection is the application's: the request has no time-out.
	hijacked atomic.Bool

	_ [64]byte // threads do not share a cache line
}

// Serve implements httpserver.Handler. It allocates nothing.
func (h *Handler) Serve(number int, w httpserver.ResponseWriter, r *httpserver.Request) {
	h.serve(h.inner, number, w, r)
}

func (h *Handler) serve(inner httpserver.Handler, number int, w httpserver.ResponseWriter, r *httpserver.Request) {
	t := &h.threads[number]
	content := r.Body
	t.begin(w, r)
	defer t.end(content)
	inner.Serve(number, t, r)
}

func (t *thread) begin(w httpserver.ResponseWriter, r *httpserver.Request) {
	t.w, t.r, t.committed = w, r, false
	if t.expired.Load() {
		t.expired.Store(false)
	}
	if r.Body != nil {
		r.Body = t.body.wrap(r.Body)
	}
	if t.hijacked.Load() {
		t.hijacked.Store(false)
	}
	t.entered = t.h.clock.now()
	t.idle, t.sent = 0, t.entered
	t.answered = scoreboard.Answered{Method: r.Method, Queued: int64(r.Queued)}
	t.number = t.record.Begin(t.entered, r.Method, r.Target)
	t.mu.Unlock()
}

// end waits for an answer of ours that is on its way, so that the engine has its ResponseWriter for itself.
func (t *thread) end(content io.Reader) {
	t.mu.Lock()
	t.answered.Duration = t.h.clock.now() - t.entered
	if t.answered.Received = t.r.ContentLength; t.r.ContentLength < 0 {
		t.answered.Received = t.body.received.Load()
	}
	t.record.Count(&t.answered)
	t.record.End()
	t.r.Body = content
	t.w, t.r, t.body.inner = nil, nil, nil
}

// moved records that the request got on. In one that entered after the watchdog's last look, the time of its
// entry, which is there already, says the same.
func (t *thread) moved() {
	if now := t.h.now.Load(); now > t.entered {
		t.record.Moved(now)
	}
}

// clock is scoreboard.Now by one reading of the clock instead of two.
type clock struct {
	taken   time.Time
	reading int64
}

func newClock() clock {
	now := time.Now()
	return clock{now, scoreboard.At(now)}
}

func (c clock) now() int64 { return c.reading + int64(time.Since(c.taken)) }
