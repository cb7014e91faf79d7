//go:build linux

package reactor

import (
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// monitor looks at the threads: it wakes another one when all that are active wait for something, and
// itself does what needs no thread when none of them polls. It sleeps while nothing goes on.
type monitor struct {
	r      *Reactor
	asleep atomic.Bool
	wake   chan struct{}
	worker *worker
	inside []int

	entries   uint64
	interval  time.Duration
	hindrance hindrance
	stuck     int // ticks for which no thread has gone into the application
	quiet     int // ticks without a thread inside
}

// stuckTicks is how long all threads have to be busy before the monitor polls in their place: a thread that
// comes back soon does it better, as it can answer what it reads.
const (
	stuckTicks = 4
	quietTicks = 40
	pollTurn   = 256 // events handled in one tick
)

func (m *monitor) init(r *Reactor) {
	m.r, m.wake, m.worker = r, make(chan struct{}, 1), r.newWorker(-1)
}

// rouse is called by whoever goes into the application, or leaves work for others.
func (m *monitor) rouse() {
	if m.asleep.Load() && m.asleep.CompareAndSwap(true, false) {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
}

func (m *monitor) run() {
	runtime.LockOSThread() // for the timer slack, which is a thread's own
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0)
	for !m.r.closed.Load() {
		m.pause()
		if m.look(); m.quiet > quietTicks {
			m.sleep()
		}
	}
}

// pause waits until the next look. While requests come and go there is nothing to see, and looks are rarer: each
// costs a timer and two switches of threads.
func (m *monitor) pause() {
	if m.stuck > 0 {
		m.interval = tick
	} else {
		m.interval = min(2*m.interval, 4*tick)
	}
	until := unix.NsecToTimespec(int64(max(m.interval, tick)))
	_ = unix.Nanosleep(&until, nil) // a signal only makes it shorter
}

// timerSlack is how late the kernel may wake the monitor; package prestart makes it longer for all of Go's
// threads.
const timerSlack = 50 * time.Microsecond

// sleep waits until somebody goes into the application. A thread that did so before it could see that the
// monitor sleeps shows in the look that follows.
func (m *monitor) sleep() {
	m.asleep.Store(true)
	m.quiet = 0
	if s := m.r.sched.snapshot(m.inside); len(s.inside) > 0 || m.r.queue.size() > 0 {
		m.asleep.Store(false)
		return
	}
	select {
	case <-m.wake:
	case <-m.r.stopped:
	}
	m.asleep.Store(false)
}

// look is what happens each tick.
func (m *monitor) look() {
	m.worker.clock.set(m.r)
	s := m.r.sched.snapshot(m.inside)
	m.inside = s.inside
	if b := m.r.balancer; b != nil {
		b.tell(m.hindrance.hindered(s, s.entries-m.entries, m.r.o.GILHeld))
	}
	if len(s.inside) == 0 && m.r.queue.size() == 0 {
		m.quiet++
	} else {
		m.quiet = 0
	}
	if s.entries != m.entries {
		m.stuck, m.entries = 0, s.entries
	} else {
		m.stuck++
	}
	wake := m.r.sched.observe(time.Since(m.r.start), s, m.computes)
	m.r.unpark(wake)
	m.deliver()
	if wake < 0 && s.polling == 0 && len(s.inside) > 0 && m.stuck >= stuckTicks {
		m.standIn()
	}
}

// standIn polls in place of the threads, until one of them polls again. That one may have been in epoll_wait
// already while events, or the wake-up that was meant for it, came to the monitor instead: then it is woken for
// what the monitor leaves.
func (m *monitor) standIn() {
	r := m.r
	for range pollTurn {
		if r.polling.Load() > 0 || !m.worker.turn(0) {
			break
		}
	}
	if r.polling.Load() > 0 && r.queue.ready(true) {
		r.notify()
	}
}

// woken takes the wake-up of who polls. Reading it takes back those that were written meanwhile and that nobody
// has seen yet: a thread looks at everything before it waits again, but others have to pass the call on.
func (w *worker) woken() {
	var buffer [8]byte
	unix.Read(w.r.wake, buffer[:])
	if w.thread < 0 && w.r.polling.Load() > 0 {
		w.r.notify()
	}
}

// deliver sends the answers that threads hold back which have gone into the application meanwhile.
func (m *monitor) deliver() {
	for _, i := range m.inside {
		if o := &m.r.threads[i].outbox; o.waiting.Load() > 0 && o.late(m.worker.clock.now) {
			m.worker.deliver(o)
		}
	}
}

// computes reports whether one of the threads has the GIL, runs, or could if it had a processor. The GIL comes
// first: to look at it costs next to nothing.
func (m *monitor) computes(threads []int) bool {
	if held := m.r.o.GILHeld; held != nil && held() {
		return true
	}
	for _, i := range threads {
		if m.r.threads[i].runnable() {
			return true
		}
	}
	return false
}

// ---- the state of a thread, /proc/self/task/TID/stat (proc(5)) ----

func (w *worker) openStat() {
	fd, err := unix.Open("/proc/self/task/"+strconv.Itoa(w.tid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		w.stat.Store(int32(fd))
	}
}

func (w *worker) closeStat() {
	if fd := w.stat.Swap(-1); fd >= 0 {
		unix.Close(int(fd))
	}
}

// runnable reports whether the thread runs or waits for a processor. Without /proc it does, as far as
// anybody can tell: then only the clock wakes further threads.
func (w *worker) runnable() bool {
	fd := w.stat.Load()
	if fd < 0 {
		return true
	}
	var line [64]byte
	n, err := unix.Pread(int(fd), line[:], 0)
	if err != nil {
		return true
	}
	for i := n - 2; i > 0; i-- { // "TID (name) S …": the name may hold anything
		if line[i] == ')' && i+2 < n {
			return line[i+2] == 'R'
		}
	}
	return true
}
