//go:build linux

package reactor

import (
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// conn is a connection: a transport, what has come in on it, what is to go out on it, and who owns it. All but own and the
// other atomic fields belong to the owner.
type conn struct {
	transport
	in  incoming
	out outgoing
	own ownership

	r          *Reactor
	generation uint32        // descriptors are used again while events for the old connection still wait
	bits       atomic.Uint32 // events that nobody has looked at
	deadline   atomic.Int64  // when the sweeper has to look, in Reactor.now; 0 is never

	phase         phase
	hangup        bool // the client sends no more
	shown         scoreboard.ConnState
	served        int
	remote, local netip.AddrPort
	countedAs     netip.Addr // in Reactor.addresses; zero: not there
	movedThen     int64      // how much the client had moved when the deadline was set: of the content, or of written
	lingerBefore  int64
}

// handleEvent handles one event of epoll.
func (p *poller) handleEvent(e unix.EpollEvent) {
	fd, generation := int(e.Fd), uint32(e.Pad) // see conn.event and listener.event
	if l := p.r.table.listener(fd, generation); l != nil {
		p.r.accept(l, p)
		return
	}
	c := p.r.table.conn(fd)
	if c == nil || c.generation != generation {
		return
	}
	c.bits.Or(e.Events)
	if c.own.claim() {
		p.advance(c)
	}
}

// event is what the kernel is to report of c: everything, once for each time that it happens.
func (c *conn) event() unix.EpollEvent {
	return unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff, Fd: int32(c.fd), Pad: int32(c.generation)}
}

// advance does what can be done for a connection that p owns, and lets go of it.
func (p *poller) advance(c *conn) {
	served := c.served
	p.run(c)
	p.letGo(c, served)
}

// hangupEvents are the events after which the client sends no more.
const hangupEvents = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR

// run does what can be done for c now, one phase after the other. Afterwards p.to says who is to own it. No phase runs
// the next one itself: pipelined requests would nest.
func (p *poller) run(c *conn) {
	p.to = nobody
	if bits := c.bits.Swap(0); bits != 0 {
		c.in.drained = false
		c.hangup = c.hangup || bits&hangupEvents != 0
	}
	for before := phaseClosed; p.to == nobody && c.phase != before && c.phase != phaseClosed; {
		switch before = c.phase; before {
		case phaseHead:
			p.receive(c)
		case phaseBody:
			p.receiveBody(c)
		case phaseReady:
			p.serveSpooled(c)
		case phaseFlush:
			p.flush(c)
		case phaseLinger:
			p.linger(c)
		}
	}
}

// letGo ends p's ownership, after what has happened meanwhile. c may be another's then. served is how many requests had
// been answered when p took c: who sends the next one already, while others wait, waits for its turn.
func (p *poller) letGo(c *conn, served int) {
	for !p.handOver(c) {
		if p.to == nobody && c.served != served && p.r.queue.ready(true) {
			served = c.served
			p.r.again(c)
			continue
		}
		p.run(c)
	}
}

// handOver gives c to the one that p.to names. It returns false when there is more to do, and p is the owner still;
// otherwise c may be another's already.
func (p *poller) handOver(c *conn) bool {
	c.show()
	switch {
	case c.phase == phaseClosed:
		return true
	case p.to == nobody:
		return c.own.release()
	case p.to == inQueue:
		return p.handToQueue(c)
	}
	pooled := p.to == inPool
	c.own.give(p.to)
	if pooled {
		p.r.pool.wait(c)
	}
	return true
}

// show has c counted by what it waits for.
func (c *conn) show() {
	state := scoreboard.ConnBusy
	switch c.phase {
	case phaseHead:
		if state = scoreboard.ConnIdle; len(c.in.buf) > 0 {
			state = scoreboard.ConnReading
		}
	case phaseBody:
		state = scoreboard.ConnReading
	case phaseFlush, phaseLinger:
		state = scoreboard.ConnWriting
	case phaseClosed:
		state = scoreboard.ConnGone
	}
	c.r.counters.Show(&c.shown, state)
}

// handToQueue gives c to the queue. If that is full, c stays p's, and its request is refused.
func (p *poller) handToQueue(c *conn) bool {
	c.own.give(inQueue)
	if p.r.push(c) {
		return true
	}
	c.own.take(inQueue)
	p.r.counters.QueueFull.Add(1)
	p.overloaded(c, &p.r.crowded, "the queue for the threads is full")
	return false
}

// dequeued implements queued.
func (c *conn) dequeued(p *poller, waited time.Duration, tooLong bool) {
	if !c.own.take(inQueue) { // it was closed
		return
	}
	if c.in.waited = waited; tooLong {
		p.overloaded(c, &p.r.aged, "it waited too long for a thread")
	}
	p.advance(c)
}

// drop implements queued. Reactor.release closes all connections.
func (c *conn) drop() {}

// expire sets when the sweeper has to look.
func (c *conn) expire(d time.Duration) { c.deadline.Store(c.r.now() + int64(d)) }

// close ends the connection.
func (c *conn) close() {
	if c.phase != phaseClosed {
		c.depart()
		c.transport.close()
		c.closed()
	}
}

// abandon ends the connection for the reactor, while the socket goes on under another descriptor.
func (c *conn) abandon() {
	c.depart()
	c.closeDescriptor()
	c.closed()
}

// depart takes c out of all that knows of it. EPOLL_CTL_DEL comes before the descriptor is closed, because a process that
// the application has forked may hold another one of it.
func (c *conn) depart() {
	c.become(phaseClosed)
	c.show()
	c.own.end()
	c.in.reset(c.r)
	c.out.reset(c.r)
	c.r.table.remove(c)
	unix.EpollCtl(c.r.epoll, unix.EPOLL_CTL_DEL, c.fd, nil)
	if d := c.r.http.Descriptors; d != nil {
		d.Closed(c.fd)
	}
}

// closed makes room for another connection.
func (c *conn) closed() {
	c.r.addresses.Leave(c.countedAs)
	c.r.countClosed()
}

// reset closes the connection so that the client sees an error, not an end. It works on TCP only.
func (c *conn) reset() {
	if c.phase != phaseClosed {
		c.disconnect()
		c.close()
	}
}
