//go:build linux

package reactor

import (
	"context"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// Do implements httpserver.Threads. A task is a request of another engine; one that has waited for longer than
// Limits.QueueAge is not run either: the error is httpserver.ErrQueueFull.
func (r *Reactor) Do(ctx context.Context, f func(thread int)) (queued time.Duration, err error) {
	t := httpserver.NewTask(f)
	if err := r.enqueueTask(t); err != nil {
		return 0, err
	}
	return t.Wait(ctx)
}

func (r *Reactor) enqueueTask(t *httpserver.Task) error {
	if !r.acquire() {
		return httpserver.ErrClosed
	}
	defer r.release()
	switch {
	case r.closed.Load():
		return httpserver.ErrClosed
	case !r.push((*task)(t)):
		r.counters.QueueFull.Add(1)
		return httpserver.ErrQueueFull
	}
	return nil
}

// task is a httpserver.Task in the queue.
type task httpserver.Task

// dequeued implements queued.
func (t *task) dequeued(p *poller, _ time.Duration, tooLong bool) {
	waiting := (*httpserver.Task)(t)
	if tooLong {
		waiting.Refuse(httpserver.ErrQueueFull)
		return
	}
	if !waiting.Begin() {
		return
	}
	defer waiting.Finish()
	p.enter()
	defer p.leave()
	waiting.Run(p.thread)
}

// drop implements queued.
func (t *task) drop() { (*httpserver.Task)(t).Refuse(httpserver.ErrClosed) }
