package progress

import (
	"context"
	"net/http"
	"time"
)

const (
	// leaveTick is how often EndRequests looks.
	leaveTick = 20 * time.Millisecond
	// interruptAgain is after how long the application is interrupted once more: it may catch the exception by
	// mistake, as in `except:`.
	interruptAgain = 400 * time.Millisecond
)

// EndRequests ends the requests that the application is in, as their process is about to end: their responses are taken
// away, the clients get 503 or see the answer break off, and the application is interrupted, to have its `finally`
// run. It returns when there are none left, or ctx is done. Requests whose thread waits for a client are left to the
// engine. Of the options Dump, Running, Interrupt and Log count.
func (h *Handler) EndRequests(ctx context.Context, o Options) {
	w := newWatchdog(h, o)
	w.answer, w.message = "503", "a request was still running at the end of the graceful time-out: it is ended"
	defer w.pursuits.Wait()
	ended := make([]uint64, len(h.threads)) // the requests that were, by thread
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
			if outcome == answered || outcome == aborted {
				ended[thread] = number
				w.pursuits.Go(func() { w.evict(ctx, outcome, request) })
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

// evict interrupts a request until its thread is out of it, or ctx is done.
func (w *watchdog) evict(ctx context.Context, outcome outcome, request overdue) {
	w.report(outcome, request)
	for running := w.running(request); running != 0 && ctx.Err() == nil; running = w.running(request) {
		_ = w.o.Interrupt(ctx, running)
		for began := time.Now(); time.Since(began) < interruptAgain && w.h.isIn(request.thread, request.number); {
			select {
			case <-ctx.Done():
				return
			case <-time.After(leaveTick):
			}
		}
	}
}
