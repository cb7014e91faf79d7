//go:build linux

package reactor

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// Reactor is the engine and, in place of a nethttp.Dispatcher, the queue for the threads: it takes the
// requests of other engines too. Its methods may be called concurrently.
type Reactor struct {
	o       Options
	handler httpserver.Handler // this and http are set by NewServer, before the first connection
	http    httpserver.Options
	epoll   int
	wake    int // an eventfd: written to when a blocked poller has to look at the queue
	sched   *scheduler
	monitor monitor
	queue   queue
	pool    pool
	table   table
	start   time.Time // deadlines count from here

	threads []*poller
	polling *atomic.Int32 // pollers blocked in epoll_wait, or about to be; other processes read it in Options.Row
	orders  orders
	closed  atomic.Bool
	stopped chan struct{} // closed by Close
	users   atomic.Int64  // who may use the descriptors; closed when it falls to 0

	row            *scoreboard.Worker
	counters       *scoreboard.Counters // row's
	date           dateLine
	ids            *httpserver.RequestIDs
	balancer       *balancer     // nil in a process by itself
	leaving        atomic.Bool   // every answer is its connection's last
	draining       atomic.Bool   // and idle connections are closed
	refusing       atomic.Bool   // what waits for a thread, or for its content, gets 503
	drains         chan struct{} // asks the sweeper for a round immediately
	retryAccept    atomic.Bool
	crowdMu        sync.Mutex // held while an idle connection is looked for, from crowdAt on
	crowdAt        uint32
	admission      sync.Mutex // held while a connection is accepted and counted
	addresses      httpserver.Addresses
	once, sweeping sync.Once

	// What may happen thousands of times a second has one line a second each.
	acceptTrouble httpserver.Throttle
	crowd         httpserver.Throttle // --max-connections
	crowded       httpserver.Throttle // --queue
	noMemory      httpserver.Throttle // --spool-memory
	aged          httpserver.Throttle // --queue-age
	refused       httpserver.Throttle // requests that are not answered by the application
	cut           httpserver.Throttle // connections of slow clients
	spools        httpserver.SpoolTrouble
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
	r := &Reactor{o: o.withDefaults(), epoll: epoll, wake: wake, sched: newScheduler(threads),
		start: time.Now(), drains: make(chan struct{}, 1), stopped: make(chan struct{}), threads: make([]*poller, threads),
		ids: httpserver.NewRequestIDs(), http: httpserver.Options{}.WithDefaults()}
	if r.row = o.Row; r.row == nil {
		r.row = scoreboard.Private(threads)
	} else if o.Row.Board().Slots() > 1 {
		r.balancer = newBalancer(r, o.Row)
	}
	r.counters = r.row.Counters()
	r.polling = &r.counters.Polling
	r.users.Store(1)
	r.queue.capacity = r.o.Queue
	r.pool.init(r)
	for i := range r.threads {
		r.threads[i] = r.newPoller(i)
	}
	if err := r.addWakers(); err != nil {
		r.closeDescriptors()
		return nil, err
	}
	r.monitor.init(r)
	return r, nil
}

// addWakers puts what wakes the pollers into the epoll set.
func (r *Reactor) addWakers() error {
	wakers := map[int32]int{wakeFd: r.wake}
	if r.balancer != nil {
		wakers[bellFd] = r.balancer.bell.fd
	}
	for mark, fd := range wakers {
		event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: mark}
		if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
			return fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return nil
}

// descriptors are the reactor's own, but for those of connections and listeners.
func (r *Reactor) descriptors() []int {
	if r.balancer != nil {
		return []int{r.epoll, r.wake, r.balancer.bell.fd}
	}
	return []int{r.epoll, r.wake}
}

// wakeFd marks the eventfd among the events. Connections have their descriptor there.
const wakeFd = -1

// unpark wakes a thread that the scheduler has made polling; -1 is none.
func (r *Reactor) unpark(thread int) {
	if thread >= 0 {
		r.threads[thread].unparked.wake()
	}
}

// push queues work for the threads and sees to it that a blocked poller notices. It reports whether there
// was room.
func (r *Reactor) push(request queued) bool {
	if !r.queue.push(request) {
		return false
	}
	if r.polling.Load() > 0 {
		r.notify()
	} else {
		r.monitor.rouse()
	}
	return true
}

// tooOld reports whether a request has waited so long that nobody may be waiting for its answer.
func (r *Reactor) tooOld(i item) bool {
	if r.refusing.Load() {
		return true
	}
	if r.o.Limits.QueueAge < 0 || time.Since(i.since) <= r.o.Limits.QueueAge {
		return false
	}
	r.counters.QueueAged.Add(1)
	return true
}

// RefuseQueued implements httpserver.Threads. It refuses requests whose content has not come yet, too.
func (r *Reactor) RefuseQueued() {
	r.refusing.Store(true)
	select {
	case r.drains <- struct{}{}:
	default:
	}
}

var wakeValue = []byte{1, 0, 0, 0, 0, 0, 0, 0}

func (r *Reactor) notify() { _, _ = unix.Write(r.wake, wakeValue) } // it fails only if it is written to already, very often

// call wakes somebody who waits for events, if there is one, to look at the queue.
func (r *Reactor) call() {
	if r.polling.Load() > 0 || r.monitor.attends.Load() {
		r.notify()
	}
}

// wakeAll lets every thread see that the reactor was closed.
func (r *Reactor) wakeAll() {
	for i := range r.threads {
		if r.sched.unparkThread(i) {
			r.unpark(i)
		}
	}
	r.monitor.rouse()
	r.notify()
}

// now is the time since the reactor's start, in nanoseconds.
func (r *Reactor) now() int64 { return int64(time.Since(r.start)) }

// Close ends Work on all threads once what is queued has been worked off. Connections that are open then are
// closed.
func (r *Reactor) Close() {
	if !r.closed.Swap(true) {
		close(r.stopped)
		r.wakeAll()
		r.pool.stop()
		r.release()
	}
}

// acquire keeps the descriptors open until release. It returns false when they are closed.
func (r *Reactor) acquire() bool {
	for {
		n := r.users.Load()
		if n == 0 {
			return false
		}
		if r.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (r *Reactor) release() {
	if r.users.Add(-1) > 0 {
		return
	}
	r.table.each((*conn).close)
	for {
		i, ok := r.queue.pop(true)
		if !ok {
			break
		}
		if i.request != nil {
			i.request.drop()
		}
	}
	r.closeDescriptors()
}

func (r *Reactor) closeDescriptors() {
	if r.balancer != nil {
		r.balancer.withdraw()
	}
	for _, fd := range r.descriptors() {
		if d := r.http.Descriptors; d != nil {
			d.Closed(fd)
		}
		unix.Close(fd)
	}
}

// background runs f on a goroutine that may use the descriptors.
func (r *Reactor) background(f func()) {
	if !r.acquire() {
		return
	}
	go func() {
		defer r.release()
		f()
	}()
}
