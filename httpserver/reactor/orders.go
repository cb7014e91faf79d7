//go:build linux

package reactor

import (
	"sync"
	"sync/atomic"
)

// orders are what the only thread of a reactor is asked to do between two requests. there, which is looked at in each
// turn, says whether there are some; both change together, under mu, and before a poller is woken: so an order that
// the thread does not see before it waits in epoll_wait wakes it from there.
type orders struct {
	mu      sync.Mutex
	waiting []func()
	there   atomic.Bool
}

// forward makes orders of what comes from control.
func (r *Reactor) forward(control <-chan func()) {
	r.background(func() {
		for {
			select {
			case f, ok := <-control:
				if !ok {
					return
				}
				r.orders.mu.Lock()
				r.orders.waiting = append(r.orders.waiting, f)
				r.orders.there.Store(true)
				r.orders.mu.Unlock()
				r.notify()
			case <-r.stopped:
				return
			}
		}
	})
}

// runOrders runs the orders.
func (p *poller) runOrders() {
	o := &p.r.orders
	if !o.there.Load() {
		return
	}
	o.mu.Lock()
	waiting := o.waiting
	o.waiting = nil
	o.there.Store(false)
	o.mu.Unlock()
	p.deliver(&p.outbox) // an order may take long
	for _, f := range waiting {
		f()
	}
}
