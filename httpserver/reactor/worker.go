//go:build linux

package reactor

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// worker is one who polls: a thread in Work, or one of the reactor's own goroutines (thread -1), which
// does all but call the application.
type worker struct {
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
	to       place // who is to own the connection at hand when this worker lets go of it
}

// scratch is what a worker needs for the connection at hand. Between two events a connection has no
// buffers of its own, unless part of a request is there.
type scratch struct {
	buf    []byte
	parser *http1.Parser
	spare  *http1.Parser // while parser is the connection's; nil or Reset
	head   http1.Head
	req    httpserver.Request
	res    response
	ids    httpserver.RequestIDBlock
	outBuf []byte
	entry  httpserver.AccessEntry
	dry    bool // nothing more can be read from the connection at hand
}

// readSize is how much is read at once; a head or a small request is usually there as a whole.
const readSize = 64 << 10

func (r *Reactor) newWorker(thread int) *worker {
	w := &worker{r: r, thread: thread, events: make([]unix.EpollEvent, 64)}
	w.stat.Store(-1)
	w.scratch.buf = make([]byte, readSize)
	w.scratch.parser = new(http1.Parser)
	w.scratch.ids = r.ids.Block()
	w.outbox.short, w.outbox.longest = shortRequest, holdTime
	w.clock.set(r)
	return w
}

// Work makes the calling thread thread number thread until Close. It runs what comes from control between two requests;
// control is nil unless this is the reactor's only thread.
func (r *Reactor) Work(thread int, control <-chan func()) {
	if !r.acquire() {
		return
	}
	defer r.release()
	w := r.threads[thread]
	w.tid = unix.Gettid()
	w.openStat()
	defer w.closeStat()
	if control != nil {
		r.forward(control)
	}
	r.once.Do(func() { r.background(r.monitor.run) })
	w.parks = !r.sched.join(thread)
	for !r.closed.Load() || r.queue.size() > 0 || w.outbox.waiting.Load() > 0 {
		w.proceed()
	}
	w.stay()
	r.sched.leave(thread)
	r.wakeAll()
}

// proceed does the next thing. What is held goes out before the thread parks; that may bring another request, after
// which the thread polls instead.
func (w *worker) proceed() {
	switch {
	case !w.parks:
		w.obey()
		w.turn(-1)
	case w.outbox.waiting.Load() > 0:
		w.deliver(&w.outbox)
	default:
		w.park()
	}
}

// stay takes back a parking that the worker has not come to yet: there is another request for it first.
func (w *worker) stay() {
	if w.parks && !w.r.sched.unparkThread(w.thread) {
		w.unparked.wait(forever) // somebody has woken it already
	}
	w.parks = false
}

// park blocks until the thread is to poll again. Afterwards the thread polls.
func (w *worker) park() {
	if w.r.closed.Load() { // since before it was parked: nobody has woken it, see wakeAll
		w.stay()
		return
	}
	w.unparked.wait(forever)
	w.parks = false
	w.clock.set(w.r)
}

// turn does one thing that is waiting, or waits for up to timeout milliseconds (-1: for ever). It reports
// whether there was something.
func (w *worker) turn(timeout int) bool {
	if item, ok := w.r.queue.pop(w.thread >= 0); ok {
		w.do(item)
		if w.outbox.due {
			w.deliver(&w.outbox)
		}
		return true
	}
	if w.outbox.waiting.Load() > 0 {
		w.deliver(&w.outbox)
		return true
	}
	return w.poll(timeout)
}

// poll waits for events and queues them; whoever is free takes them from there.
func (w *worker) poll(timeout int) bool {
	w.r.polling.Add(1)
	n := w.wait(timeout)
	w.r.polling.Add(-1)
	return w.queueEvents(n)
}

// wait waits for events, and returns how many there are in w.events.
func (w *worker) wait(timeout int) int {
	r := w.r
	if r.queue.ready(w.thread >= 0) || r.closed.Load() || w.thread >= 0 && r.orders.there.Load() {
		timeout = 0 // came in between; see push
	}
	n, err := unix.EpollWait(r.epoll, w.events, timeout)
	if err != nil && err != unix.EINTR {
		r.o.Log.Error("epoll_wait failed", "error", err)
		time.Sleep(time.Millisecond)
	}
	return n
}

// queueEvents queues w.events[:n] and reports whether there is one.
func (w *worker) queueEvents(n int) bool {
	if n <= 0 {
		return false
	}
	w.clock.set(w.r)
	w.r.queue.pushEvents(w.events[:n])
	return true
}

// do handles one item of the queue.
func (w *worker) do(item item) {
	switch {
	case item.task != nil:
		w.clock.set(w.r)
		w.runTask(item)
	case item.conn != nil:
		w.clock.set(w.r)
		c := item.conn
		if !c.own.take(inQueue) { // it was closed
			return
		}
		c.waited = time.Since(item.since)
		if w.r.tooOld(item) {
			w.overloaded(c, &w.r.aged, "it waited too long for a thread")
		}
		w.drive(c)
	case item.event.Fd == wakeFd:
		w.woken()
	case item.event.Fd == bellFd:
		w.called()
	default:
		w.event(item.event)
	}
}

// enter and leave stand around every call of the application. What this thread had taken in and not got to
// is for those who poll: they may be blocked, and would not notice.
func (w *worker) enter() {
	r := w.r
	w.stay()
	w.inside = true
	r.unpark(r.sched.enter(w.thread))
	if r.polling.Load() > 0 && r.queue.ready(true) {
		r.notify()
	}
	r.monitor.rouse()
	r.monitor.rouseFor(&w.outbox)
}

func (w *worker) leave() {
	w.inside = false
	w.parks = !w.r.sched.exit(w.thread)
}
