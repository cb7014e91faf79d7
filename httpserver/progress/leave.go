package progress

import (
	"context"
	"net/http"
	"time"
)

const (
	// leaveTick is how often EndRequests looks.
	leaveTick = 20 * time.Millisecond
	// unwindTime is what `finally` and close() have without being interrupted. Then the application is interrupted once
	// more: it may have caught the exception by mistake, as in `except:`.
	unwindTime = time.Second
)

// EndRequests ends the requests that the application is in, as their process is about to end: their responses are taken
// away, the clients get 503 or see the answer break off, and the application is interrupted, to have its `finally`
// run. It returns when there are none left, or ctx is done. Requests whose thread waits for a client are left to the
// engine: when it closes the connection they unwind too, and are interrupted only if that takes long. Of the options Dump,
// Running, Interrupt and Log count.
func (h *Handler) EndRequests(ctx context.Context, o Options) {
	w := newWatchdog(h, o)
	w.answer, w.message = "503", "a request was still running at the end of the graceful time-out: it is ended"
	defer w.pursuits.Wait()
	ended := make([]uint64, len(h.threads))  // the requests that were, by thread
	waited := make([]uint64, len(h.threads)) // those that waited for a client when they were to be
	ticker := time.NewTicker(leaveTick)
	defer ticker.Stop()
	for {
		busy := false
		for thread := range h.threads {
			number, moved, ok := h.row.Thread(thread).Progress()
			if !ok {
				continue
			}
			busy = true
			if ended[thread] == number {
				continue
			}
			outcome, request := h.expire(thread, number, moved, http.StatusServiceUnavailable)
			switch outcome {
			case waiting:
				waited[thread] = number
			case answered, aborted:
				ended[thread] = number
				unwinds := waited[thread] == number
				w.pursuits.Go(func() {
					w.report(outcome, request)
					w.evict(ctx, request, unwinds)
				})
			}
		}
		if !busy {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// evict interrupts a request until its thread is out of it, or ctx is done. One that unwinds already has its time first.
func (w *watchdog) evict(ctx context.Context, request overdue, unwinds bool) {
	if unwinds {
		w.awaitEnd(ctx, request, unwindTime)
	}
	for running := w.running(request); running != 0 && ctx.Err() == nil; running = w.running(request) {
		_ = w.o.Interrupt(ctx, running)
		w.awaitEnd(ctx, request, unwindTime)
	}
}

// awaitEnd waits until the thread is out of the request, but no longer than limit, or until ctx is done.
func (w *watchdog) awaitEnd(ctx context.Context, request overdue, limit time.Duration) {
	for began := time.Now(); time.Since(began) < limit && w.h.isIn(request.thread, request.number); {
		select {
		case <-ctx.Done():
			return
		case <-time.After(leaveTick):
		}
	}
}
