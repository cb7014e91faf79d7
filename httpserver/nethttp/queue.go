package nethttp

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// Dispatcher is the bounded first-in-first-out queue between the goroutines that do I/O and the threads that run handlers:
// an httpserver.Threads. A thread is a goroutine in [Dispatcher.Work]; there may be any number of them, and they may come
// before or after the first task.
type Dispatcher struct {
	mu       sync.Mutex
	capacity int
	queue    list.List // of *httpserver.Task
	idle     []*thread // the thread that became idle last stands last, and is woken first: its caches are warm
	closed   bool
	refusing bool // nothing waits any more
}

// NewDispatcher returns a Dispatcher in which up to capacity tasks wait for a thread. A task that an idle
// thread takes immediately does not wait: with capacity 0 a task runs immediately or not at all.
func NewDispatcher(capacity int) *Dispatcher {
	return &Dispatcher{capacity: max(capacity, 0)}
}

// Do implements httpserver.Threads.
func (d *Dispatcher) Do(ctx context.Context, f func(thread int)) (queued time.Duration, err error) {
	t := httpserver.NewTask(f)
	place, err := d.enqueue(t)
	if err != nil {
		return 0, err
	}
	queued, err = t.Wait(ctx)
	if err != nil {
		d.dequeue(place)
	}
	return queued, err
}

// enqueue gives t to an idle thread, or queues it at place.
func (d *Dispatcher) enqueue(t *httpserver.Task) (place *list.Element, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch last := len(d.idle) - 1; {
	case d.closed:
		return nil, httpserver.ErrClosed
	case last >= 0:
		th := d.idle[last]
		d.idle = d.idle[:last]
		t.Begin() // nobody else has it
		th.assigned <- t
		return nil, nil
	case d.refusing:
		return nil, httpserver.ErrClosed
	case d.queue.Len() >= d.capacity:
		return nil, httpserver.ErrQueueFull
	default:
		return d.queue.PushBack(t), nil
	}
}

// dequeue makes room for another task at place, if that still is in the queue.
func (d *Dispatcher) dequeue(place *list.Element) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue.Remove(place)
}

// next returns the oldest task, begun. Without one it enters th as idle; more is false when none will come.
func (d *Dispatcher) next(th *thread) (t *httpserver.Task, more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.queue.Len() > 0 {
		if t := d.pop(); t.Begin() {
			return t, true
		}
	}
	if d.closed {
		return nil, false
	}
	d.idle = append(d.idle, th)
	return nil, true
}

// pop takes the oldest task. There is one, and the caller holds d.mu.
func (d *Dispatcher) pop() *httpserver.Task {
	return d.queue.Remove(d.queue.Front()).(*httpserver.Task)
}

// leaveIdle makes th idle no more, and reports whether it was: else it has been given a task.
func (d *Dispatcher) leaveIdle(th *thread) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.Index(d.idle, th)
	if i >= 0 {
		d.idle = slices.Delete(d.idle, i, i+1)
	}
	return i >= 0
}

// Close implements httpserver.Threads.
func (d *Dispatcher) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, th := range d.idle {
		th.assigned <- nil
	}
	d.idle = nil
}

// RefuseQueued implements httpserver.Threads.
func (d *Dispatcher) RefuseQueued() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusing = true
	for d.queue.Len() > 0 {
		d.pop().Refuse(httpserver.ErrClosed)
	}
}
