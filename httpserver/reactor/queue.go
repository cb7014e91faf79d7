//go:build linux

package reactor

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// queued is a request that waits for a thread: a connection's, or a task of another engine. Its methods are called by who has
// taken it out of the queue.
type queued interface {
	// dequeued has p answer it, by a refusal if it has waited too long. Only then may p be none of the threads.
	dequeued(p *poller, waited time.Duration, tooLong bool)
	// drop gives it up, as the reactor has ended.
	drop()
}

// item is something to be done: an event of a descriptor, or a request.
type item struct {
	event   unix.EpollEvent
	request queued // nil for an event
	since   time.Time
}

// queue is what the pollers share. Events stand apart, because the reactor's own goroutines take them too,
// while requests are for the threads.
type queue struct {
	mu       sync.Mutex
	events   ring[unix.EpollEvent]
	requests ring[item]
	capacity int // for requests
}

// ring is a first-in-first-out queue that grows.
type ring[T any] struct {
	items []T
	first int
}

func (r *ring[T]) len() int { return len(r.items) - r.first }

func (r *ring[T]) push(x T) {
	if r.first > 64 && r.first > len(r.items)/2 { // never empty under overload: make room at the front
		n := copy(r.items, r.items[r.first:])
		clear(r.items[n:])
		r.items, r.first = r.items[:n], 0
	}
	r.items = append(r.items, x)
}

func (r *ring[T]) pop() T {
	x := r.items[r.first]
	var zero T
	r.items[r.first] = zero
	r.first++
	if r.first == len(r.items) {
		r.items, r.first = r.items[:0], 0
	}
	return x
}

// push queues a request, and reports whether there was room.
func (q *queue) push(request queued) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.requests.len() >= q.capacity {
		return false
	}
	q.requests.push(item{request: request, since: time.Now()})
	return true
}

func (q *queue) pushEvents(events []unix.EpollEvent) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range events {
		q.events.push(events[i])
	}
}

// pop takes the oldest request if the caller is a thread, else an event.
func (q *queue) pop(thread bool) (i item, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case thread && q.requests.len() > 0:
		return q.requests.pop(), true
	case q.events.len() > 0:
		return item{event: q.events.pop()}, true
	}
	return i, false
}

// popOlder takes the oldest request if it has waited for longer than age; no age is less than 0.
func (q *queue) popOlder(age time.Duration) (i item, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if age < 0 || q.requests.len() == 0 || time.Since(q.requests.items[q.requests.first].since) <= age {
		return i, false
	}
	return q.requests.pop(), true
}

func (q *queue) ready(thread bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.events.len() > 0 || thread && q.requests.len() > 0
}

func (q *queue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.events.len() + q.requests.len()
}
