//go:build linux

package reactor

import (
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// tick is how often the monitor looks while there is work.
const tick = 500 * time.Microsecond

// monitor looks at the threads: it wakes another one when all that are active wait for something, and
// itself does what needs no thread when none of them polls. It sleeps while nothing goes on.
type monitor struct {
	r      *Reactor
	asleep atomic.Bool
	wake   chan struct{}
	worker *worker
	inside []int

	entries uint64
	stuck   int // ticks for which no thread has gone into the application
	quiet   int // ticks without a thread inside
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
	defer m.r.running.Done()
	for !m.r.closed.Load() {
		time.Sleep(tick)
		if m.look(); m.quiet > quietTicks {
			m.sleep()
		}
	}
}

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
	s := m.r.sched.snapshot(m.inside)
	m.inside = s.inside
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
	l := look{polling: s.polling, parked: s.parked, inside: len(s.inside)}
	_, _, target := m.r.sched.active()
	if l.inside > 0 && (target > 1 || l.polling == 0 && l.parked > 0) {
		l.runnable = m.anyRunnable(s.inside)
		l.gilHeld = !l.runnable && m.r.o.GILHeld != nil && m.r.o.GILHeld()
	}
	wake := m.r.sched.observe(l)
	m.r.unpark(wake)
	if wake < 0 && l.polling == 0 && l.inside > 0 && m.stuck >= stuckTicks {
		for range pollTurn {
			if !m.worker.turn(0) {
				break
			}
		}
	}
}

// anyRunnable reports whether one of the threads computes, or could if it had a processor.
func (m *monitor) anyRunnable(threads []int) bool {
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
