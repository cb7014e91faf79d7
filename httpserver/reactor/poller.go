//go:build linux

package reactor

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// poller is one who polls: a thread in Work, or one of the reactor's own goroutines (thread -1), which
// does all but call the application.
type poller struct {
	r        *Reactor
	thread   int
	tid      int          // the OS thread's id
	stat     atomic.Int32 // /proc/self/task/TID/stat, or -1
	unparked wakeup
	chosen   bool // it accepts because another process has called this one
	parks    bool // it came out of the application to find itself parked
	events   []unix.EpollEvent
	scratch  scratch
	clock    clock
	began    int64 // the request at hand, in Reactor.now
	outbox   outbox
	disk     bool  // it may wait for a disk: it is of the pool
	inside   bool  // in the application
	to       place // who is to own the connection at hand when this poller lets go of it
}

// scratch is what a poller needs for the connection at hand. Between two events a connection has no
// buffers of its own, unless part of a request is there.
type scratch struct {
	buf     []byte
	parser  *http1.Parser
	spare   *http1.Parser // while parser is the connection's; nil or Reset
	head    http1.Head
	req     httpserver.Request
	res     response
	ids     httpserver.RequestIDBlock
	outBuf  []byte
	entry   httpserver.AccessEntry
	drained bool // nothing more can be read from the connection at hand
}

// readSize is how much is read at once; a head or a small request is usually there as a whole.
const readSize = 64 << 10

func (r *Reactor) newPoller(thread int) *poller {
	p := &poller{r: r, thread: thread, events: make([]unix.EpollEvent, 64)}
	p.stat.Store(-1)
	p.scratch.buf = make([]byte, readSize)
	p.scratch.parser = new(http1.Parser)
	p.scratch.ids = r.ids.Block()
	p.outbox.short, p.outbox.longest = shortRequest, holdTime
	p.clock.set(r)
	return p
}

// Work makes the calling thread thread number thread until Close. It runs what comes from control between two requests;
// control is nil unless this is the reactor's only thread.
func (r *Reactor) Work(thread int, control <-chan func()) {
	if !r.acquire() {
		return
	}
	defer r.release()
	p := r.threads[thread]
	p.tid = unix.Gettid()
	p.openStat()
	defer p.closeStat()
	if control != nil {
		r.forward(control)
	}
	r.once.Do(func() { r.background(r.monitor.run) })
	p.parks = !r.sched.join(thread)
	for !r.closed.Load() || r.queue.size() > 0 || p.outbox.waiting.Load() > 0 {
		if p.parks {
			p.park()
		} else {
			p.runOrders()
			p.next(-1)
		}
	}
	p.stay()
	r.sched.leave(thread)
	r.wakeAll()
}

// stay takes back a parking that the poller has not come to yet: there is another request for it first.
func (p *poller) stay() {
	if p.parks && !p.r.sched.unparkThread(p.thread) {
		p.unparked.wait(forever) // somebody has woken it already
	}
	p.parks = false
}

// park blocks until the thread is to poll again. What is held goes out first; that may bring another request, after which
// the thread polls instead.
func (p *poller) park() {
	switch {
	case p.outbox.waiting.Load() > 0:
		p.deliver(&p.outbox)
		return
	case p.r.closed.Load(): // since before it was parked: nobody has woken it, see wakeAll
		p.stay()
		return
	}
	p.unparked.wait(forever)
	p.parks = false
	p.clock.set(p.r)
}

// next does one thing that is waiting, or waits for up to timeout milliseconds (-1: forever). It reports
// whether there was something.
func (p *poller) next(timeout int) bool {
	if item, ok := p.r.queue.pop(p.thread >= 0); ok {
		p.handle(item)
		if p.outbox.due {
			p.deliver(&p.outbox)
		}
		return true
	}
	if p.outbox.waiting.Load() > 0 {
		p.deliver(&p.outbox)
		return true
	}
	return p.poll(timeout)
}

// poll waits for events and queues them; whoever is free takes them from there.
func (p *poller) poll(timeout int) bool {
	p.r.polling.Add(1)
	n := p.wait(timeout)
	p.r.polling.Add(-1)
	return p.queueEvents(n)
}

// wait waits for events, and returns how many there are in p.events.
func (p *poller) wait(timeout int) int {
	r := p.r
	if r.queue.ready(p.thread >= 0) || r.closed.Load() || p.thread >= 0 && r.orders.there.Load() {
		timeout = 0 // came in between; see push
	}
	n, err := unix.EpollWait(r.epoll, p.events, timeout)
	if err != nil && err != unix.EINTR {
		r.o.Log.Error("epoll_wait failed", "error", err)
		time.Sleep(time.Millisecond)
	}
	return n
}

// queueEvents queues p.events[:n] and reports whether there is one.
func (p *poller) queueEvents(n int) bool {
	if n <= 0 {
		return false
	}
	p.clock.set(p.r)
	p.r.queue.pushEvents(p.events[:n])
	return true
}

// handle handles one item of the queue.
func (p *poller) handle(item item) {
	switch {
	case item.request != nil:
		p.clock.set(p.r)
		item.request.dequeued(p, time.Since(item.since), p.r.tooOld(item))
	case item.event.Fd == wakeFd:
		p.woken()
	case item.event.Fd == bellFd:
		p.called()
	default:
		p.handleEvent(item.event)
	}
}

// enter and leave stand around every call of the application. What this thread had taken in and not got to
// is for those who poll: they may be blocked, and would not notice.
func (p *poller) enter() {
	r := p.r
	p.stay()
	p.inside = true
	r.unpark(r.sched.enter(p.thread))
	if r.polling.Load() > 0 && r.queue.ready(true) {
		r.notify()
	}
	r.monitor.rouse()
	r.monitor.rouseFor(&p.outbox)
}

func (p *poller) leave() {
	p.inside = false
	p.parks = !p.r.sched.exit(p.thread)
}
