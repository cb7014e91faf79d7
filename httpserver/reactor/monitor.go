//go:build linux

package reactor

import (
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// monitor looks at the threads: it wakes another one when all that are active wait for something, and
// itself does what needs no thread when none of them polls. It rests while a look could change nothing.
type monitor struct {
	r       *Reactor
	poller  *poller
	asleep  atomic.Bool // it rests
	dozes   atomic.Bool // so too, unless answers are held back
	attends atomic.Bool // it waits for events, or is about to
	wakeup  wakeup

	pace      pace
	hindrance hindrance
	inside    []int
	turn      int // which of the threads inside is looked at first
}

// pollTurn is how many events are handled in one look.
const pollTurn = 256

func (m *monitor) init(r *Reactor) { m.r, m.poller = r, r.newPoller(-1) }

// rouse is called by whoever goes into the application, or leaves work for others.
func (m *monitor) rouse() {
	if m.asleep.Load() && m.asleep.CompareAndSwap(true, false) {
		m.wakeup.wake()
	}
}

// rouseFor is rouse for a poller that goes into the application while it holds answers back.
func (m *monitor) rouseFor(o *outbox) {
	if o.waiting.Load() > 0 && m.dozes.Load() && m.dozes.CompareAndSwap(true, false) {
		m.wakeup.wake()
	}
}

func (m *monitor) run() {
	runtime.LockOSThread() // for the timer slack, which is a thread's own
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0)
	for !m.r.closed.Load() {
		switch how, interval := m.pace.next(m.look()); how {
		case watch:
			sleep(interval)
		case rest:
			m.rest(interval)
		case doze:
			m.doze(interval)
		case attend:
			m.attend(interval)
		}
	}
}

func sleep(d time.Duration) {
	until := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&until, nil) // a signal only makes it shorter
}

// timerSlack is how late the kernel may wake the monitor; package prestart makes it longer for all of Go's
// threads.
const timerSlack = 50 * time.Microsecond

// rest waits until somebody goes into the application, for up to d. A thread that did so before it could see that
// the monitor rests is seen here.
func (m *monitor) rest(d time.Duration) {
	m.asleep.Store(true)
	roused := m.r.sched.changed(m.pace.entries) || d == forever && m.r.queue.size() > 0 || m.r.closed.Load()
	if !roused {
		roused = m.wakeup.wait(d)
	}
	m.asleep.Store(false)
	if roused {
		m.pace.roused()
		sleep(lookTick)
	}
}

// doze waits until somebody goes into the application while holding answers back, for up to d. Who did so before it could
// see that the monitor dozes is seen here.
func (m *monitor) doze(d time.Duration) {
	m.dozes.Store(true)
	held := slices.ContainsFunc(m.r.threads, func(p *poller) bool { return p.outbox.waiting.Load() > 0 })
	if !held && !m.r.closed.Load() {
		m.wakeup.wait(d)
	}
	m.dozes.Store(false)
	if held {
		sleep(lookTick)
	}
}

// attend waits for events in place of the threads, for up to d.
func (m *monitor) attend(d time.Duration) {
	m.attends.Store(true)
	n := m.poller.wait(int(d / time.Millisecond))
	m.attends.Store(false)
	if m.poller.queueEvents(n) {
		m.standIn()
	}
}

// look is what happens each time.
func (m *monitor) look() sight {
	r := m.r
	m.poller.clock.set(r)
	at := time.Since(r.start)
	s := r.sched.snapshot(m.inside)
	m.inside = s.inside
	moved := s.entries != m.pace.entries
	if b := r.balancer; b != nil {
		b.publishHindrance(m.hindrance.hindered(s, s.entries-m.pace.entries, r.o.GILHeld))
	}
	saw := sight{at: at, entries: s.entries, polling: s.polling, parked: s.parked, inside: len(s.inside), queued: r.queue.size() > 0}
	saw.computes = saw.inside > 0 && r.o.GILHeld != nil && r.o.GILHeld()
	wake := r.sched.observe(at, s, func(threads []int) bool {
		return saw.computes || (moved || s.polling == 0) && (!saw.full() || r.o.GILHeld == nil) && m.runnable(threads)
	})
	r.unpark(wake)
	saw.woke = wake >= 0 && s.lasting
	saw.held = m.deliver()
	if wake < 0 && m.pace.stuck(&saw) {
		m.standIn()
	}
	return saw
}

// standIn polls in place of the threads, until one of them polls again. That one may have been in epoll_wait
// already while events, or the wake-up that was meant for it, came to the monitor instead: then it is woken for
// what the monitor leaves.
func (m *monitor) standIn() {
	r := m.r
	for range pollTurn {
		if r.polling.Load() > 0 || !m.poller.next(0) {
			break
		}
	}
	if r.polling.Load() > 0 && r.queue.ready(true) {
		r.notify()
	}
}

// woken takes the wake-up of who polls. Reading it takes back those that were written meanwhile and that nobody
// has seen yet: a thread looks at everything before it waits again, but others have to pass the call on.
func (p *poller) woken() {
	var buffer [8]byte
	_, _ = unix.Read(p.r.wake, buffer[:]) // another one may have been faster
	if p.thread < 0 && p.r.polling.Load() > 0 {
		p.r.notify()
	}
}

// deliver sends the answers that threads hold back which have gone into the application meanwhile. It reports whether
// there are some that are not late yet.
func (m *monitor) deliver() (held bool) {
	for _, i := range m.inside {
		o := &m.r.threads[i].outbox
		switch {
		case o.waiting.Load() == 0:
		case o.late(m.poller.clock.now):
			m.poller.deliver(o)
		default:
			held = true
		}
	}
	return held
}

// looksAt is how many threads' states are read in one look, which takes several microseconds each.
const looksAt = 4

// runnable reports whether one of the threads runs, or could if it had a processor, by a few of them in turn.
func (m *monitor) runnable(threads []int) bool {
	for range min(len(threads), looksAt) {
		m.turn++
		if m.r.threads[threads[m.turn%len(threads)]].runnable() {
			return true
		}
	}
	return false
}

// ---- the state of a thread, /proc/self/task/TID/stat (proc(5)) ----

func (p *poller) openStat() {
	fd, err := unix.Open("/proc/self/task/"+strconv.Itoa(p.tid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		p.stat.Store(int32(fd))
	}
}

func (p *poller) closeStat() {
	if fd := p.stat.Swap(-1); fd >= 0 {
		unix.Close(int(fd))
	}
}

// runnable reports whether the thread runs or waits for a processor. Without /proc it does, as far as
// anybody can see: then only the clock wakes further threads.
func (p *poller) runnable() bool {
	fd := p.stat.Load()
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
