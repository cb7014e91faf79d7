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
	case !r.push(item{task: t}):
		r.counters.QueueFull.Add(1)
		return httpserver.ErrQueueFull
	}
	return nil
}

func (p *poller) runTask(i item) {
	t := i.task
	if p.r.tooOld(i) {
		t.Refuse(httpserver.ErrQueueFull)
		return
	}
	if !t.Begin() {
		return
	}
	defer t.Finish()
	p.enter()
	defer p.leave()
	t.Run(p.thread)
}
