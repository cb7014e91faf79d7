package progress

import (
	"context"
	"errors"
	"time"
)

// unwinding is what a request has that goes on by itself: it has met the end of its response, and an exception would hit
// its close().
const unwinding = 100 * time.Millisecond

// pursue sees to it that the thread of a request that has timed out comes back.
func (w *watchdog) pursue(ctx context.Context, outcome outcome, request overdue) {
	w.report(outcome, request)
	if w.comesBack(ctx, request, min(w.o.Grace/10, unwinding)) {
		return
	}
	for range 2 { // the application may catch the first exception by mistake, as in `except:`
		if busy := w.interrupt(ctx, request); busy && w.h.isIn(request.thread, request.number) {
			w.stuck(Stuck{Thread: request.thread, GIL: true, Grace: w.o.Grace})
			return
		}
		if w.comesBack(ctx, request, w.o.Grace/2) {
			return
		}
	}
	w.stuck(Stuck{Thread: request.thread, Grace: w.o.Grace})
}

// running returns Options.Running for request, 0 if it is over: the number could be the next one's.
func (w *watchdog) running(request overdue) uint64 {
	running := w.o.Running(request.thread)
	if !w.h.isIn(request.thread, request.number) {
		return 0
	}
	return running
}

// report logs the request, with the stack as it is before the interrupt.
func (w *watchdog) report(outcome outcome, request overdue) {
	w.dumping.Lock()
	stack := w.o.Dump(request.thread)
	w.dumping.Unlock()
	if !w.h.isIn(request.thread, request.number) {
		stack = "" // it may be the next request's
	}
	client := outcome.String()
	if outcome == answered {
		client += " by " + w.answer
	}
	w.o.Log.Error(w.message, "id", request.id, "method", request.method, "target", request.target,
		"age", request.age.Round(time.Millisecond), "thread", request.thread, "client", client, "stack", stack)
}

// interrupt interrupts, and reports whether the GIL could not be had for that.
func (w *watchdog) interrupt(ctx context.Context, request overdue) (busy bool) {
	running := w.running(request)
	if running == 0 {
		return false
	}
	limited, cancel := context.WithTimeout(ctx, w.o.Grace)
	defer cancel()
	return errors.Is(w.o.Interrupt(limited, running), context.DeadlineExceeded) && ctx.Err() == nil
}

// comesBack waits for the thread to leave the request, for about d, and reports whether it did; likewise
// when ctx is done. A thread that waits for the client may take longer.
func (w *watchdog) comesBack(ctx context.Context, request overdue, d time.Duration) bool {
	began := time.Now()
	ticker := time.NewTicker(min(w.o.Tick, d))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return true
		case <-ticker.C:
		}
		if !w.h.isIn(request.thread, request.number) {
			return true
		}
		if time.Since(began) >= d && !w.h.sends(request.thread) {
			return false
		}
	}
}

// stuck calls Options.Stuck, once.
func (w *watchdog) stuck(s Stuck) {
	once := &w.told[0]
	if s.GIL {
		once = &w.told[1]
	}
	once.Do(func() { w.o.Stuck(s) })
}
