//go:build linux

package reactor

import "sync"

// controlQueue holds what Python's main thread was asked to do. Reactor.ordered, which is looked at in each turn,
// says whether something is in it; both change together, under mu, and before the thread is summoned: so an
// order that a thread does not see before it waits in epoll_wait, or parks, wakes it from there.
type controlQueue struct {
	thread int
	mu     sync.Mutex
	orders []func()
}

// forward lets w run what comes from control, wherever it is waiting.
func (r *Reactor) forward(w *worker, control <-chan func()) {
	q := &controlQueue{thread: w.thread}
	r.control.Store(q)
	r.background(func() {
		for {
			select {
			case f, ok := <-control:
				if !ok {
					return
				}
				q.mu.Lock()
				q.orders = append(q.orders, f)
				r.ordered.Store(true)
				q.mu.Unlock()
				r.summon(q.thread)
			case <-r.stopped:
				return
			}
		}
	})
}

// summon gets a thread to look at its orders: out of its parking place, or out of epoll_wait. Who polls
// cannot be chosen, so whoever wakes passes the call on until the right one has it. A thread inside the
// application is not called: it looks when it comes out.
func (r *Reactor) summon(thread int) {
	switch {
	case r.sched.unparkThread(thread):
		r.unpark(thread)
	case r.sched.polls(thread):
		r.notify()
	}
}

// hasOrders reports whether there is an order for this thread.
func (w *worker) hasOrders() bool {
	return w.r.ordered.Load() && w.r.control.Load().thread == w.thread
}

// obey runs the orders if they are this thread's, and else passes the call on.
func (w *worker) obey() {
	if !w.r.ordered.Load() {
		return
	}
	q := w.r.control.Load()
	if q.thread != w.thread {
		w.r.summon(q.thread)
		return
	}
	q.mu.Lock()
	orders := q.orders
	q.orders = nil
	w.r.ordered.Store(false)
	q.mu.Unlock()
	w.deliver(&w.outbox) // an order may take long
	for _, f := range orders {
		f()
	}
}
