package progress

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Options are those of [Handler.Watch]. The functions are called on goroutines of the watchdog's, several of
// them at a time; each may be nil.
type Options struct {
	// Timeout is for how long a request may not move. 0 is forever: Watch then only keeps the time.
	Timeout time.Duration
	// Grace is how long a thread may take to come back once its request has run into Timeout. The default is
	// Timeout, but 2 seconds at least, as a busy machine is no reason to end a process, and 10 at most.
	Grace time.Duration
	// Tick is the time between two looks, by which everything may be late. The default is a tenth of Timeout,
	// but 10 milliseconds at least and a second at most.
	Tick time.Duration

	// Dump returns the Python stack of a thread, for the log. It is called for one thread at a time.
	Dump func(thread int) string
	// Running returns a number for what Interrupt would interrupt on a thread, 0 for nothing. No two requests
	// have the same. It must not block.
	Running func(thread int) uint64
	// Interrupt raises an exception in the application's request with that number, and in no other. An error
	// that wraps context.DeadlineExceeded means that the GIL could not be had until the end of ctx; other
	// errors do not matter here.
	Interrupt func(ctx context.Context, running uint64) error
	// Stuck is called when a thread did not come back. It is called once at most for each value of
	// Stuck.GIL: from the first call on the worker had better be replaced, from one with GIL on be killed.
	Stuck func(Stuck)

	// GILHeld reports whether a thread holds the GIL: it is asked at each look, for the counters.
	GILHeld func() bool

	// Log takes one record at level Error for each request that runs into Timeout; nil is slog.Default().
	Log *slog.Logger
}

const (
	shortestTick  = 10 * time.Millisecond
	longestTick   = time.Second
	shortestGrace = 2 * time.Second
	longestGrace  = 10 * time.Second
)

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Dump == nil {
		o.Dump = func(int) string { return "" }
	}
	if o.Running == nil {
		o.Running = func(int) uint64 { return 0 }
	}
	if o.Interrupt == nil {
		o.Interrupt = func(context.Context, uint64) error { return nil }
	}
	if o.Stuck == nil {
		o.Stuck = func(Stuck) {}
	}
	o.Grace = cmp.Or(o.Grace, min(max(o.Timeout, shortestGrace), longestGrace))
	if o.Tick == 0 && o.Timeout > 0 {
		o.Tick = max(min(o.Timeout/10, longestTick), shortestTick)
	}
	o.Tick = cmp.Or(o.Tick, longestTick)
	return o
}

// Stuck is a thread that did not come back within the grace after its request had run into the time-out.
type Stuck struct {
	// Thread is the number of the thread whose request it is.
	Thread int
	// GIL says that the GIL could not be had during that time, so that no Python code of this process runs any
	// more, on whatever thread. The one that keeps it need not be Thread.
	GIL bool
	// Grace is the time that it was given.
	Grace time.Duration
}

// String returns the reason in words, for a log.
func (s Stuck) String() string {
	if s.GIL {
		return fmt.Sprintf("the request on thread %d ran into the time-out, and the GIL could not be had for %v: "+
			"a thread keeps it in C, and the process must be killed", s.Thread, s.Grace)
	}
	return fmt.Sprintf("thread %d has not come back within %v after the time-out of its request: "+
		"it is stuck in C, or goes on in spite of the exception", s.Thread, s.Grace)
}

// watchdog is a call of Watch.
type watchdog struct {
	h    *Handler
	o    Options
	seen []sighting
	last time.Time // the look before

	answer, message string // what clients get, and the log says

	pursuits sync.WaitGroup
	dumping  sync.Mutex
	told     [2]sync.Once // of Stuck, without and with GIL
}

func newWatchdog(h *Handler, o Options) *watchdog {
	return &watchdog{h: h, o: o.withDefaults(), seen: make([]sighting, len(h.threads)), last: time.Now(),
		answer: "504", message: "a request ran into the time-out"}
}

// sighting is what the watchdog saw of a thread at its last look.
type sighting struct {
	number  uint64
	moved   int64
	stalled time.Duration // for how long it has been so
}

// Watch looks after the requests until ctx is done, and returns when nothing that it began is going on any more.
// There can be one at a time.
//
// A request times out when it has not moved for Timeout, and two ticks later at the latest. Of the time between
// two looks no more counts than two ticks: a process that was stopped has no request to blame.
func (h *Handler) Watch(ctx context.Context, o Options) {
	w := newWatchdog(h, o)
	defer w.pursuits.Wait()
	ticker := time.NewTicker(w.o.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		w.look(ctx)
	}
}

// look is what happens each tick. The time that movements are recorded with changes only after it: what is
// found at one look moved after the look before, and is not mistaken for what is found at the next.
func (w *watchdog) look(ctx context.Context) {
	now := time.Now()
	passed := min(now.Sub(w.last), 2*w.o.Tick)
	w.last = now
	w.sampleGIL()
	if w.o.Timeout > 0 {
		for i := range w.seen {
			w.lookAt(ctx, i, passed)
		}
	}
	w.h.now.Store(w.h.clock.now())
}

func (w *watchdog) sampleGIL() {
	if w.o.GILHeld == nil {
		return
	}
	counters := w.h.row.Counters()
	counters.GILSamples.Add(1)
	if w.o.GILHeld() {
		counters.GILHeld.Add(1)
	}
}

func (w *watchdog) lookAt(ctx context.Context, thread int, passed time.Duration) {
	s := &w.seen[thread]
	number, moved, ok := w.h.row.Thread(thread).Progress()
	if !ok || number != s.number || moved != s.moved || w.h.threads[thread].hijacked.Load() {
		*s = sighting{number: number, moved: moved}
		return
	}
	if s.stalled += passed; s.stalled < w.o.Timeout {
		return
	}
	outcome, request := w.h.expire(thread, number, moved, http.StatusGatewayTimeout)
	if outcome != answered && outcome != aborted {
		return
	}
	w.h.row.Counters().TimedOut.Add(1)
	w.pursuits.Go(func() { w.pursue(ctx, outcome, request) })
}
