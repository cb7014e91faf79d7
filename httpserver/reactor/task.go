//go:build linux

package reactor

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// task is a request of another engine.
type task struct {
	run      func(thread int)
	entered  time.Time
	queued   time.Duration
	panicked *httpserver.TaskPanic
	err      error // it has not run
	state    atomic.Int32
	done     chan struct{}
}

// The values of task.state.
const (
	taskWaiting = iota
	taskBegun
	taskGivenUp
)

// Do implements httpserver.Threads: see Dispatcher.Do. A task that has waited for longer than
// Options.QueueAge is not run either: the error is httpserver.ErrQueueFull.
func (r *Reactor) Do(ctx context.Context, f func(thread int)) (queued time.Duration, err error) {
	t := &task{run: f, entered: time.Now(), done: make(chan struct{})}
	if err := r.enqueueTask(t); err != nil {
		return 0, err
	}
	select {
	case <-t.done:
	case <-ctx.Done():
		if t.state.CompareAndSwap(taskWaiting, taskGivenUp) {
			return time.Since(t.entered), ctx.Err()
		}
		<-t.done
	}
	if t.panicked != nil {
		panic(t.panicked)
	}
	return t.queued, t.err
}

func (r *Reactor) enqueueTask(t *task) error {
	if !r.acquire() {
		return httpserver.ErrClosed
	}
	defer r.release()
	switch {
	case r.closed.Load():
		return httpserver.ErrClosed
	case !r.push(item{task: t}):
		r.stats.QueueFull.Add(1)
		return httpserver.ErrQueueFull
	}
	return nil
}

// fail ends a task that will not run.
func (t *task) fail(err error) {
	if t.state.CompareAndSwap(taskWaiting, taskGivenUp) {
		t.queued, t.err = time.Since(t.entered), err
		close(t.done)
	}
}

func (w *worker) runTask(i item) {
	t := i.task
	if w.r.tooOld(i) {
		t.fail(httpserver.ErrQueueFull)
		return
	}
	if !t.state.CompareAndSwap(taskWaiting, taskBegun) {
		return
	}
	t.queued = time.Since(t.entered)
	defer func() {
		if v := recover(); v != nil {
			t.panicked = &httpserver.TaskPanic{Value: v, Stack: debug.Stack()}
		}
		w.leave()
		close(t.done)
	}()
	w.enter()
	t.run(w.thread)
}
