package reactor

import (
	"sync"
	"sync/atomic"
	"time"
)

// scheduler says what each thread does: it polls, it is inside the application, or it is parked. It holds
// states only and never blocks; parking itself is the caller's.
//
// At most target threads are active (polling or inside). Whoever comes out of the application, finds more
// than that, and leaves another one that polls or soon will, parks. Whoever goes in while nobody else polls
// and fewer than target are active wakes another one, so that connections go on being served.
type scheduler struct {
	mu      sync.Mutex
	control controller
	single  atomic.Bool // one thread is to be active
	state   []state
	entered []uint64 // what entries was when each thread last went in
	polling int
	inside  int
	parked  []int // the one that parked last is woken first: its caches are warm
	entries uint64
	looked  uint64 // what entries was at the last look
}

type state uint8

const (
	stateAbsent state = iota // not started, or ended
	statePolling
	stateInside
	stateParked
)

func newScheduler(threads int) *scheduler {
	s := &scheduler{
		control: controller{threads: threads, target: 1},
		state:   make([]state, threads), entered: make([]uint64, threads),
	}
	s.single.Store(s.control.target == 1)
	return s
}

// set moves a thread from one state to another. s.mu is held.
func (s *scheduler) set(thread int, to state) {
	switch s.state[thread] {
	case statePolling:
		s.polling--
	case stateInside:
		s.inside--
	}
	switch to {
	case statePolling:
		s.polling++
	case stateInside:
		s.inside++
		s.entries++
		s.entered[thread] = s.entries
	case stateParked:
		s.parked = append(s.parked, thread)
	}
	s.state[thread] = to
}

// join adds a thread; it reports whether the thread polls. Otherwise it is parked.
func (s *scheduler) join(thread int) (polls bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling+s.inside >= s.control.target {
		s.set(thread, stateParked)
		return false
	}
	s.set(thread, statePolling)
	return true
}

// leave takes a thread that is not parked out.
func (s *scheduler) leave(thread int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(thread, stateAbsent)
}

// enter says that a polling thread goes into the application. It returns a thread to wake, or -1.
func (s *scheduler) enter(thread int) (wake int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(thread, stateInside)
	if s.polling == 0 && s.inside < s.control.target {
		return s.unpark()
	}
	return -1
}

// exit says that a thread has come out of the application. It polls again, unless exit returns false: then
// it is parked.
func (s *scheduler) exit(thread int) (polls bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(thread, statePolling)
	if s.polling+s.inside > s.control.target && (s.polling > 1 || s.turnover()) {
		s.set(thread, stateParked)
		return false
	}
	return true
}

// turnover reports whether a thread has gone in since the last look, and so can be expected to come out and
// poll soon. Two that take turns on the GIL would otherwise never find each other polling, and go on fighting
// for it. If it waits after all, the next look but one wakes another thread. s.mu is held.
func (s *scheduler) turnover() bool {
	for thread, state := range s.state {
		if state == stateInside && s.entered[thread] > s.looked {
			return true
		}
	}
	return false
}

// unpark makes the thread that parked last poll and returns it, or -1. s.mu is held.
func (s *scheduler) unpark() int {
	if len(s.parked) == 0 {
		return -1
	}
	thread := s.parked[len(s.parked)-1]
	s.parked = s.parked[:len(s.parked)-1]
	s.set(thread, statePolling)
	return thread
}

// unparkThread does so for one thread, and reports whether it was parked.
func (s *scheduler) unparkThread(thread int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, parked := range s.parked {
		if parked == thread {
			s.parked = append(s.parked[:i], s.parked[i+1:]...)
			s.set(thread, statePolling)
			return true
		}
	}
	return false
}

// changed reports whether a thread has gone in since there were so many entries.
func (s *scheduler) changed(entries uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries != entries
}

// snapshot is what the monitor sees of the threads before it looks at their states.
type snapshot struct {
	polling, parked int
	inside          []int  // the threads inside
	entries         uint64 // how often a thread has gone in, ever
	lasting         bool   // one of those inside was so at the look before, with the same request
}

// snapshot appends the threads inside to buffer[:0].
func (s *scheduler) snapshot(buffer []int) snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := snapshot{polling: s.polling, parked: len(s.parked), inside: buffer[:0], entries: s.entries}
	for thread, state := range s.state {
		if state == stateInside {
			seen.inside = append(seen.inside, thread)
			seen.lasting = seen.lasting || s.entered[thread] <= s.looked
		}
	}
	return seen
}

// observe is a look at the threads at a time, by a clock that only goes forward. seen is how they stood when it
// began; computes reports whether one of those inside computes, or could, and is called only when it can change
// something, for it takes time. observe returns a thread to wake, or -1.
func (s *scheduler) observe(at time.Duration, seen snapshot, computes func(inside []int) bool) (wake int) {
	l := look{at: at, polling: seen.polling, parked: seen.parked, inside: len(seen.inside), lasting: seen.lasting}
	l.computes = s.matters(l) && computes(seen.inside)
	s.mu.Lock()
	defer s.mu.Unlock()
	l.moved = s.entries != seen.entries || s.polling != seen.polling || s.inside != l.inside
	s.looked = seen.entries
	wanted := s.control.observe(l)
	s.single.Store(s.control.target == 1)
	if wanted && s.polling == 0 {
		return s.unpark()
	}
	return -1
}

// matters reports whether it makes a difference that somebody computes: to raise the target, or to lower it.
func (s *scheduler) matters(l look) bool {
	_, _, target := s.active()
	return l.inside > 0 && (target > 1 || l.polling == 0 && l.parked > 0)
}

// active returns how many threads poll, are inside, and should be active.
func (s *scheduler) active() (polling, inside, target int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.polling, s.inside, s.control.target
}
