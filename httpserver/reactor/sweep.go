//go:build linux

package reactor

import (
	"net/http"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// sweepInterval is how late a time-out may be.
const sweepInterval = 250 * time.Millisecond

// longStall is by how much later than wanted something happens if more than a time-out is late.
const longStall = int64(4 * sweepInterval)

// sweep looks after deadlines, requests that wait too long, and listeners that had no descriptors left, until
// Close.
func (r *Reactor) sweep() {
	p := r.newPoller(-1)
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-r.drains:
		case <-r.stopped:
			return
		}
		before := p.clock.now
		p.clock.set(r)
		now := p.clock.now
		stall := now-before > longStall // this process was stopped, or had no processor
		draining := r.draining.Load()
		r.table.each(func(c *conn) {
			deadline := c.deadline.Load()
			if (deadline == 0 || deadline > now) && !draining || !c.own.claim() {
				return
			}
			switch {
			case c.overdue(now):
				p.lastLook(c, stall)
			case draining && c.phase == phaseLinger:
				c.hastenLinger(now)
				p.to = nobody
			case r.refusing.Load() && c.phase == phaseBody:
				p.refuseBody(c, http.StatusServiceUnavailable, "the server leaves, and the content had not come")
				p.run(c)
			case c.phase != phaseHead || len(c.in.buf) > 0: // it is not idle: draining waits for it
				p.to = nobody
			default:
				p.run(c) // when draining, the last read: a request may be there
			}
			p.letGo(c, c.served)
		})
		r.pool.impatient(p)
		p.refuseOld()
		if r.retryAccept.Swap(false) || r.balancer != nil && r.neglected() {
			r.acceptAgain()
		}
	}
}

// refuseTurn is how many requests are refused in a round, so that deadlines are looked after meanwhile.
const refuseTurn = 1000

// refuseOld answers requests that no thread has come to in time.
func (p *poller) refuseOld() {
	for range refuseTurn {
		age := p.r.o.Limits.QueueAge
		if p.r.refusing.Load() {
			age = 0
		}
		i, ok := p.r.queue.popOlder(age)
		if !ok {
			return
		}
		p.handle(i)
	}
}

// neglected reports whether connections wait, as they do when the worker that the kernel has notified of them was stopped,
// or died, before it could accept them.
func (r *Reactor) neglected() bool {
	return slices.ContainsFunc(r.table.allListeners(), (*listener).pending)
}

func (r *Reactor) acceptAgain() {
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	for fd := range r.table.listeners {
		r.queue.pushEvents([]unix.EpollEvent{{Events: unix.EPOLLIN, Fd: int32(fd), Pad: listenerGeneration}})
	}
	r.notify()
}

// overdue reports whether c's deadline has passed. now is Reactor.now.
func (c *conn) overdue(now int64) bool {
	deadline := c.deadline.Load()
	return deadline != 0 && deadline <= now
}

// lastLook looks after a connection whose deadline has passed, and ends what it has waited for if that has not
// come. After a stall, of the process or of the disk, something of it lies in the socket, or room for what the client
// should have taken: then it gets some more time.
func (p *poller) lastLook(c *conn, stall bool) {
	phase, before := c.phase, c.moved()
	if phase != phaseLinger {
		p.run(c)
	}
	if p.to != nobody || c.phase != phase {
		return
	}
	late, silent := c.overdue(p.clock.now), c.moved() == before
	switch rated := phase == phaseBody || phase == phaseFlush; {
	case late && (silent || !stall), silent && !rated:
		p.expired(c)
		p.run(c)
	case late:
		c.expire(afterStall)
	}
}

// afterStall is how much time a connection gets after a stall that used up its own.
const afterStall = 5 * time.Second

// moved changes whenever something has come of the request at hand, or gone of its response.
func (c *conn) moved() int64 {
	return c.in.size() + c.out.sent + c.out.fileAt
}

// expired ends what has taken too long.
func (p *poller) expired(c *conn) {
	s := p.r.counters
	switch c.phase {
	case phaseHead:
		if len(c.in.buf) == 0 {
			s.IdleTimeouts.Add(1)
			p.r.o.Log.Debug("an idle connection is closed: no request came in time", "remote", c.remote, "requests", c.served)
			c.close()
			return
		}
		s.HeaderTimeouts.Add(1)
		c.in.forget(p.r)
		p.refuse(c, nil, http.StatusRequestTimeout, "the head of a request was not complete in time")
	case phaseBody:
		s.BodyTimeouts.Add(1)
		p.refuseBody(c, http.StatusRequestTimeout, "the content of a request came too slowly")
	case phaseFlush:
		s.WriteTimeouts.Add(1)
		p.r.cut.Info(p.r.o.Log, "the client did not take the response in time: the connection is cut off", "remote", c.remote)
		p.flushed(c, true)
		c.reset() // nobody reads what is on its way
	default:
		c.close()
	}
}
