//go:build linux

package reactor

import "sync"

// controlQueue holds what Python's main thread was asked to do.
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
				q.mu.Unlock()
				r.summon(q.thread)
			case <-r.stopped:
				return
			}
		}
	})
}

// summon gets a thread to look at its orders: out of its parking place, or out of epoll_wait. Who polls
// cannot be chosen, so whoever wakes passes the call on until the right one has it.
func (r *Reactor) summon(thread int) {
	if r.sched.unparkThread(thread) {
		r.unpark(thread)
		return
	}
	r.notify()
}

func (w *worker) hasOrders() bool {
	q := w.r.control.Load()
	if q == nil {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.orders) > 0
}

// obey runs the orders if they are this thread's, and else passes the call on.
func (w *worker) obey() {
	q := w.r.control.Load()
	if q == nil {
		return
	}
	q.mu.Lock()
	orders := q.orders
	if q.thread == w.thread {
		q.orders = nil
	}
	q.mu.Unlock()
	if len(orders) > 0 && q.thread != w.thread {
		w.r.summon(q.thread)
		return
	}
	for _, f := range orders {
		f()
	}
}
