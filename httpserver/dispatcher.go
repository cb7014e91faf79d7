package httpserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// What [Dispatcher.Do] returns when it does not run a task.
var (
	// ErrQueueFull means that as many tasks wait already as the dispatcher holds.
	ErrQueueFull = errors.New("the queue for the threads is full")
	// ErrClosed means that the dispatcher takes no tasks any more.
	ErrClosed = errors.New("the threads are shutting down")
)

// TaskPanic is what [Dispatcher.Do] panics with when its task panicked on a thread.
type TaskPanic struct {
	// Value is what the task panicked with.
	Value any
	// Stack is the thread's stack at the panic, as runtime/debug.Stack formats it.
	Stack []byte
}

// Error describes the panic without its stack.
func (p *TaskPanic) Error() string { return fmt.Sprintf("panic on a thread: %v", p.Value) }

// Dispatcher is the bounded first-in-first-out queue between the goroutines that do I/O and the threads
// that run handlers. A thread is a goroutine in [Dispatcher.Work]; there may be any number of them, and
// they may come before or after the first task. All methods may be called concurrently.
type Dispatcher struct {
	mu       sync.Mutex
	capacity int
	queue    taskList
	idle     []*worker // the thread that became idle last stands last, and is woken first: its caches are warm
	running  int
	closed   bool
	refusing bool // nothing waits any more
}

// NewDispatcher returns a Dispatcher in which up to capacity tasks wait for a thread. A task that an idle
// thread takes at once does not wait: with capacity 0 a task runs at once or not at all.
func NewDispatcher(capacity int) *Dispatcher {
	return &Dispatcher{capacity: max(capacity, 0)}
}

// Do runs f on a thread and returns when it has run, with the time it waited for one. The error says that
// it has not run and never will: [ErrQueueFull], [ErrClosed], or ctx.Err() when ctx was done while it still
// waited. Once begun, f is waited for whatever becomes of ctx. Its panic is raised again here, as a [*TaskPanic].
func (d *Dispatcher) Do(ctx context.Context, f func(thread int)) (queued time.Duration, err error) {
	t := &task{run: f, entered: time.Now(), done: make(chan struct{})}
	if err := d.enter(t); err != nil {
		return 0, err
	}
	select {
	case <-t.done:
	case <-ctx.Done():
		if d.withdraw(t) {
			return time.Since(t.entered), ctx.Err()
		}
		<-t.done
	}
	if t.panicked != nil {
		panic(t.panicked)
	}
	return t.queued, t.err
}

// enter gives t to an idle thread, or queues it.
func (d *Dispatcher) enter(t *task) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch last := len(d.idle) - 1; {
	case d.closed:
		return ErrClosed
	case last >= 0:
		w := d.idle[last]
		d.idle = d.idle[:last]
		d.start(t)
		w.assigned <- t
	case d.refusing:
		return ErrClosed
	case d.queue.n >= d.capacity:
		return ErrQueueFull
	default:
		d.queue.push(t)
	}
	return nil
}

// start notes that t has a thread. The caller holds d.mu.
func (d *Dispatcher) start(t *task) {
	d.running++
	t.queued = time.Since(t.entered)
}

// withdraw takes t out of the queue and reports whether it was still there.
func (d *Dispatcher) withdraw(t *task) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue.remove(t)
}

// next returns the oldest task. Without one it enters w as idle; more is false when none will come.
func (d *Dispatcher) next(w *worker) (t *task, more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.queue.pop(); t != nil {
		d.start(t)
		return t, true
	}
	if d.closed {
		return nil, false
	}
	d.idle = append(d.idle, w)
	return nil, true
}

// leaveIdle makes w idle no more, and reports whether it was: else it has been given a task.
func (d *Dispatcher) leaveIdle(w *worker) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.Index(d.idle, w)
	if i >= 0 {
		d.idle = slices.Delete(d.idle, i, i+1)
	}
	return i >= 0
}

// finished notes that a task has left its thread.
func (d *Dispatcher) finished() {
	d.mu.Lock()
	d.running--
	d.mu.Unlock()
}

// Close makes Do return ErrClosed from now on. What is queued still runs. It may be called again.
func (d *Dispatcher) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, w := range d.idle {
		w.assigned <- nil
	}
	d.idle = nil
}

// RefuseQueued implements [Threads].
func (d *Dispatcher) RefuseQueued() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusing = true
	for t := d.queue.pop(); t != nil; t = d.queue.pop() {
		t.queued, t.err = time.Since(t.entered), ErrClosed
		close(t.done)
	}
}

// Stats returns how many tasks wait for a thread and how many are on one.
func (d *Dispatcher) Stats() (queued, running int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue.n, d.running
}
