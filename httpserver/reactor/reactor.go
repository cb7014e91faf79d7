//go:build linux

package reactor

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

// Reactor is the engine and, in place of an httpserver.Dispatcher, the queue for the threads: it takes the
// requests of other engines too. Its methods may be called concurrently.
type Reactor struct {
	o       Options
	handler httpserver.Handler // set by Server before its first connection
	epoll   int
	wake    int // an eventfd: written to when a blocked poller has to look at the queue
	sched   *scheduler
	monitor monitor
	queue   queue
	table   table
	start   time.Time // deadlines count from here

	threads []*worker
	polling atomic.Int32 // workers blocked in epoll_wait, or about to be
	control atomic.Pointer[controlQueue]
	closed  atomic.Bool
	stopped chan struct{} // closed by Close
	running sync.WaitGroup

	stats           Stats
	date            dateLine
	draining        atomic.Bool
	drains          chan struct{} // asks the sweeper for a round at once
	retryAccept     atomic.Bool
	accessLogBroken atomic.Bool
	acceptTrouble   httpserver.Throttle
	crowded         httpserver.Throttle
	once, sweeping  sync.Once
}

// worker is one who polls: a thread in Work, or one of the reactor's own goroutines (thread -1), which
// does all but call the application.
type worker struct {
	r        *Reactor
	thread   int
	tid      int          // the OS thread's id
	stat     atomic.Int32 // /proc/self/task/TID/stat, or -1
	unparked chan struct{}
	parks    bool // it came out of the application to find itself parked
	events   []unix.EpollEvent
	scratch  scratch
}

// New returns a Reactor for the given number of threads, with nothing to serve yet.
func New(threads int, o Options) (*Reactor, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	r := &Reactor{o: o.withDefaults(), epoll: epoll, wake: wake, sched: newScheduler(threads, o.FreeThreaded),
		start: time.Now(), drains: make(chan struct{}, 1), stopped: make(chan struct{}), threads: make([]*worker, threads)}
	r.queue.capacity = r.o.Queue
	for i := range r.threads {
		r.threads[i] = r.newWorker(i)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: wakeFd}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &event); err != nil {
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	r.monitor.init(r)
	return r, nil
}

// wakeFd marks the eventfd among the events. Connections have their descriptor there.
const wakeFd = -1

func (r *Reactor) newWorker(thread int) *worker {
	w := &worker{r: r, thread: thread, unparked: make(chan struct{}, 1), events: make([]unix.EpollEvent, 64)}
	w.stat.Store(-1)
	w.scratch.init()
	return w
}

// Work makes the calling thread thread number thread until Close. It runs what comes from control, which
// may be nil, between two requests.
func (r *Reactor) Work(thread int, control <-chan func()) {
	w := r.threads[thread]
	w.tid = unix.Gettid()
	w.openStat()
	defer w.closeStat()
	if control != nil {
		r.forward(w, control)
	}
	r.once.Do(func() {
		r.running.Add(1)
		go r.monitor.run()
	})
	if !r.sched.join(thread) {
		w.park()
	}
	for !r.closed.Load() || r.queue.size() > 0 {
		w.obey()
		w.turn(-1)
		if w.parks {
			w.parks = false
			w.park()
		}
	}
	r.sched.leave(thread)
	r.wakeAll()
}

// stay takes back a parking that the worker has not come to yet: there is another request for it first.
func (w *worker) stay() {
	if w.parks && !w.r.sched.unparkThread(w.thread) {
		<-w.unparked // somebody has woken it already
	}
	w.parks = false
}

// park blocks until the thread is to poll again, or the reactor is closed.
func (w *worker) park() {
	select {
	case <-w.unparked:
	case <-w.r.stopped:
	}
}

// unpark wakes a thread that the scheduler has made polling; -1 is none.
func (r *Reactor) unpark(thread int) {
	if thread >= 0 {
		r.threads[thread].unparked <- struct{}{}
	}
}

// turn does one thing that is waiting, or waits for up to timeout milliseconds (-1: for ever). It reports
// whether there was something.
func (w *worker) turn(timeout int) bool {
	if item, ok := w.r.queue.pop(w.thread >= 0); ok {
		w.do(item)
		return true
	}
	return w.poll(timeout)
}

// poll waits for events and queues them; whoever is free takes them from there.
func (w *worker) poll(timeout int) bool {
	r := w.r
	r.polling.Add(1)
	if r.queue.ready(w.thread >= 0) || r.closed.Load() || w.hasOrders() {
		timeout = 0 // came in between; see push
	}
	n, err := unix.EpollWait(r.epoll, w.events, timeout)
	r.polling.Add(-1)
	if err != nil && err != unix.EINTR {
		r.o.Log.Error("epoll_wait failed", "error", err)
		time.Sleep(time.Millisecond)
	}
	if n <= 0 {
		return false
	}
	r.queue.pushEvents(w.events[:n])
	return true
}

// do handles one item of the queue.
func (w *worker) do(item item) {
	switch {
	case item.task != nil:
		w.runTask(item.task)
	case item.conn != nil:
		w.drive(item.conn)
	case item.event.Fd == wakeFd:
		var buffer [8]byte
		unix.Read(w.r.wake, buffer[:])
	default:
		w.event(item.event)
	}
}

// task is a request of another engine.
type task struct {
	run      func(thread int)
	entered  time.Time
	queued   time.Duration
	panicked *httpserver.TaskPanic
	state    atomic.Int32 // taskWaiting, then one of the others
	done     chan struct{}
}

const (
	taskWaiting = iota
	taskBegun
	taskGivenUp
)

// Do implements httpserver.Threads: see Dispatcher.Do.
func (r *Reactor) Do(ctx context.Context, f func(thread int)) (queued time.Duration, err error) {
	if r.closed.Load() {
		return 0, httpserver.ErrClosed
	}
	t := &task{run: f, entered: time.Now(), done: make(chan struct{})}
	if !r.push(item{task: t}) {
		return 0, httpserver.ErrQueueFull
	}
	select {
	case <-t.done:
	case <-ctx.Done():
		if t.state.CompareAndSwap(taskWaiting, taskGivenUp) {
			return time.Since(t.entered), ctx.Err()
		}
		<-t.done
	}
	if t.panicked != nil {
		panic(t.panicked)
	}
	return t.queued, nil
}

func (w *worker) runTask(t *task) {
	if !t.state.CompareAndSwap(taskWaiting, taskBegun) {
		return
	}
	t.queued = time.Since(t.entered)
	defer func() {
		if v := recover(); v != nil {
			t.panicked = &httpserver.TaskPanic{Value: v, Stack: debug.Stack()}
		}
		w.leave()
		close(t.done)
	}()
	w.enter()
	t.run(w.thread)
}

// enter and leave stand around every call of the application. What this thread had taken in and not got to
// is for those who poll: they may be blocked, and would not notice.
func (w *worker) enter() {
	r := w.r
	w.stay()
	r.unpark(r.sched.enter(w.thread))
	if r.polling.Load() > 0 && r.queue.ready(true) {
		r.notify()
	}
	r.monitor.rouse()
}

func (w *worker) leave() { w.parks = !w.r.sched.exit(w.thread) }

// push queues work for the threads and sees to it that a blocked poller notices. It reports whether there
// was room.
func (r *Reactor) push(i item) bool {
	if !r.queue.push(i) {
		return false
	}
	if r.polling.Load() > 0 {
		r.notify()
	} else {
		r.monitor.rouse()
	}
	return true
}

var one = []byte{1, 0, 0, 0, 0, 0, 0, 0}

func (r *Reactor) notify() { unix.Write(r.wake, one) }

// wakeAll lets every thread see that the reactor was closed.
func (r *Reactor) wakeAll() {
	for i := range r.threads {
		if r.sched.unparkThread(i) {
			r.unpark(i)
		}
	}
	r.notify()
}

// Close ends Work on all threads once what is queued has been worked off.
func (r *Reactor) Close() {
	if !r.closed.Swap(true) {
		close(r.stopped)
		r.wakeAll()
	}
}

// now is the time since the reactor's start, in nanoseconds.
func (r *Reactor) now() int64 { return int64(time.Since(r.start)) }

// Stats counts what the reactor refused or ended on its own, and what it has open.
type Stats struct {
	Connections, Requests                                       atomic.Int64
	Malformed, HeaderTimeouts, BodyTimeouts, WriteTimeouts      atomic.Int64
	IdleTimeouts, TooManyConnections, QueueFull, AcceptFailures atomic.Int64
}

// Stats returns the counters, which go on counting.
func (r *Reactor) Stats() *Stats { return &r.stats }
