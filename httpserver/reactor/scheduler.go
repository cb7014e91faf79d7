package reactor

import "sync"

// scheduler says what each thread does: it polls, it is inside the application, or it is parked. It holds
// states only and never blocks; parking itself is the caller's.
//
// At most target threads are active (polling or inside). Whoever comes out of the application and finds
// more than that, and another one polling, parks. Whoever goes in while nobody else polls and fewer than
// target are active wakes another one, so that connections go on being served.
type scheduler struct {
	mu      sync.Mutex
	control controller
	state   []state
	polling int
	inside  int
	parked  []int // the one that parked last is woken first: its caches are warm
	entries uint64
}

type state uint8

const (
	stateAbsent state = iota // not started, or ended
	statePolling
	stateInside
	stateParked
)

func newScheduler(threads int, freeThreaded bool) *scheduler {
	s := &scheduler{control: controller{threads: threads, target: 1}, state: make([]state, threads)}
	if freeThreaded {
		s.control.target = threads
	}
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
	if s.polling > 1 && s.polling+s.inside > s.control.target {
		s.set(thread, stateParked)
		return false
	}
	return true
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

// snapshot is what the monitor sees of the threads before it looks at their states.
type snapshot struct {
	polling, parked int
	inside          []int  // the threads inside
	entries         uint64 // how often a thread has gone in, ever
}

// snapshot appends the threads inside to buffer[:0].
func (s *scheduler) snapshot(buffer []int) snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	buffer = buffer[:0]
	for thread, state := range s.state {
		if state == stateInside {
			buffer = append(buffer, thread)
		}
	}
	return snapshot{s.polling, len(s.parked), buffer, s.entries}
}

// observe gives the controller a look, and returns a thread to wake, or -1.
func (s *scheduler) observe(l look) (wake int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.control.observe(l) && s.polling == 0 {
		return s.unpark()
	}
	return -1
}

// active returns how many threads poll, are inside, and should be active.
func (s *scheduler) active() (polling, inside, target int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.polling, s.inside, s.control.target
}
