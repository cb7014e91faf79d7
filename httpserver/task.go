package httpserver

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// What [Threads].Do returns for a task that it does not run.
var (
	// ErrQueueFull means that as many tasks wait already as the queue holds.
	ErrQueueFull = errors.New("the queue for the threads is full")
	// ErrClosed means that the threads take no tasks any more.
	ErrClosed = errors.New("the threads are shutting down")
)

// TaskPanic is what [Threads].Do panics with when its task panicked on a thread, and what [Catch] returns.
type TaskPanic struct {
	// Value is what the task panicked with.
	Value any
	// Stack is the thread's stack at the panic, as runtime/debug.Stack formats it.
	Stack []byte
}

// Error describes the panic without its stack.
func (p *TaskPanic) Error() string { return fmt.Sprintf("panic on a thread: %v", p.Value) }

// Catch runs f, and returns its panic, or nil.
func Catch(f func()) (panicked *TaskPanic) {
	defer func() {
		if v := recover(); v != nil {
			panicked = &TaskPanic{Value: v, Stack: debug.Stack()}
		}
	}()
	f()
	return nil
}

// Task is one call of [Threads].Do: a function on its way to a thread. It is run, refused, or given up by its caller,
// whichever comes first. The methods may be called concurrently.
type Task struct {
	run      func(thread int)
	entered  time.Time
	taken    atomic.Bool   // by whoever runs it, refuses it, or gives it up
	queued   time.Duration // until then
	panicked *TaskPanic
	err      error         // it was refused
	done     chan struct{} // closed when it has run or was refused; what stands above is written before
}

// NewTask returns the task of running f.
func NewTask(f func(thread int)) *Task {
	return &Task{run: f, entered: time.Now(), done: make(chan struct{})}
}

// claim reports whether the caller decides what becomes of t.
func (t *Task) claim() bool {
	if !t.taken.CompareAndSwap(false, true) {
		return false
	}
	t.queued = time.Since(t.entered)
	return true
}

// Begin reports whether t is to be run: then Run and Finish have to follow. If not, nobody wants it any more.
func (t *Task) Begin() bool { return t.claim() }

// Run runs t on thread number thread, and keeps its panic for Wait.
func (t *Task) Run(thread int) { t.panicked = Catch(func() { t.run(thread) }) }

// Finish has Wait return after Run.
func (t *Task) Finish() { close(t.done) }

// Refuse has Wait return err, unless t has begun or was given up.
func (t *Task) Refuse(err error) {
	if t.claim() {
		t.err = err
		close(t.done)
	}
}

// Wait returns when t has run, with the time that it waited for a thread; see [Threads].Do. When ctx is done before it has
// begun, it is given up: the error is ctx.Err().
func (t *Task) Wait(ctx context.Context) (queued time.Duration, err error) {
	select {
	case <-t.done:
	case <-ctx.Done():
		if t.claim() {
			return t.queued, ctx.Err()
		}
		<-t.done
	}
	if t.panicked != nil {
		panic(t.panicked)
	}
	return t.queued, t.err
}
