package supervise

import (
	"log/slog"
	"time"
)

// A worker is a process from Start until its exit was reported.
type worker struct {
	id, slot   int
	generation *generation
	process    Process
	state      State     // Starting, Ready, Draining or Stopping
	since      time.Time // of the state
	seat       *seat     // nil when it is leaving
	restarts   int       // of its seat when it was started

	retire   string    // why it is to be replaced; empty if it is not
	stuck    bool      // it cannot serve as it should until it is replaced
	recycled bool      // it left its seat because of retire
	oldAt    time.Time // when it reaches MaxAge
	reopen   bool      // it is to reopen its logs once it is ready
	slow     reminder  // that it is starting still

	// deadline is when the time for the state is over, and next what the worker then gets. ifServing replaces deadline if a
	// worker that was recalled turns out to serve.
	deadline  time.Time
	ifServing time.Time
	next      Signal
}

// A seat is one of the W places in which a worker serves.
type seat struct {
	worker    *worker // Starting or Ready; nil while there is none
	successor *worker // Starting, to take over from worker; nil
	backoff   backoff
	restarts  int // after an exit that nobody asked for
}

func (w *worker) attrs(more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{
		slog.Int("worker", w.slot), slog.Int("pid", w.process.PID()), slog.Int("generation", w.generation.number),
	}, more...)
}

func (s *Supervisor) setState(w *worker, state State) {
	w.state, w.since = state, s.now
}

// start starts a worker of a generation for a seat, and returns nil if that fails.
func (s *Supervisor) start(of *generation, seat *seat) (*worker, error) {
	s.lastID++
	w := &worker{id: s.lastID, slot: s.freeSlot(), generation: of, seat: seat, restarts: seat.restarts, next: Kill}
	process, err := s.system.Start(Spec{ID: w.id, Slot: w.slot, Generation: of.number})
	if err != nil {
		return nil, err
	}
	w.process = process
	s.setState(w, Starting)
	w.slow = remind(s.now)
	if s.options.StartTimeout > 0 {
		w.deadline = s.now.Add(s.options.StartTimeout)
	}
	s.workers[w.id] = w
	s.record(slog.LevelDebug, "worker started", w.attrs())
	return w, nil
}

// freeSlot returns the lowest number that no living worker has.
func (s *Supervisor) freeSlot() int {
	taken := map[int]bool{}
	for _, w := range s.workers {
		taken[w.slot] = true
	}
	slot := 0
	for taken[slot] {
		slot++
	}
	return slot
}

// hasSlot reports whether one more process may live.
func (s *Supervisor) hasSlot() bool {
	return s.options.Slots == 0 || len(s.workers) < s.options.Slots
}

// hasRoom reports whether one more successor may live.
func (s *Supervisor) hasRoom() bool {
	surge := s.options.Surge
	if surge == 0 {
		surge = s.wanted
	}
	return s.hasSlot() && len(s.workers) < s.wanted+surge
}

// fill starts workers in empty seats: all at once, for there is nothing to be disturbed.
func (s *Supervisor) fill() {
	if s.current == nil || s.current.lost {
		return
	}
	for _, seat := range s.seats {
		if seat.worker != nil || !seat.backoff.over(s.now) || !s.hasSlot() {
			continue
		}
		w, err := s.start(s.current, seat)
		if err != nil {
			s.startFailed(seat, err)
			continue
		}
		seat.worker = w
	}
}

// startFailed counts a start that the operating system refused.
func (s *Supervisor) startFailed(seat *seat, err error) {
	delay := seat.backoff.fail(s.now)
	s.record(slog.LevelError, "a worker could not be started", []slog.Attr{
		slog.String("error", err.Error()), slog.Duration("retry_in", delay)})
	s.events.wake() // the delay may be 0
}

// resize makes as many seats as are wanted.
func (s *Supervisor) resize() {
	wanted := s.wanted
	if s.dismissed {
		wanted = 0
	}
	for len(s.seats) < wanted {
		s.seats = append(s.seats, &seat{})
	}
	for len(s.seats) > wanted {
		s.removeSeat()
	}
}

// removeSeat removes the seat whose worker is missed least, and the last one of those.
func (s *Supervisor) removeSeat() {
	rank := func(seat *seat) int {
		switch w := seat.worker; {
		case w == nil:
			return 0
		case w.state == Starting:
			return 1
		case w.retire != "" || w.generation != s.current:
			return 2
		}
		return 3
	}
	least := len(s.seats) - 1
	for i := least; i >= 0; i-- {
		if rank(s.seats[i]) < rank(s.seats[least]) {
			least = i
		}
	}
	removed := s.seats[least]
	s.seats = append(s.seats[:least], s.seats[least+1:]...)
	s.dismiss(removed.worker)
	if w := removed.successor; w != nil && w.generation == s.candidate && len(s.seats) > 0 {
		w.seat = s.seats[0] // a reload's first worker goes on; there is no other successor
		w.seat.successor = w
		return
	}
	s.dismiss(removed.successor)
}

// dismiss lets a worker leave while others serve. w may be nil.
func (s *Supervisor) dismiss(w *worker) {
	switch {
	case w == nil:
	case w.state == Starting:
		s.recall(w, s.drain)
	default:
		s.drain(w)
	}
}

// recall lets a worker leave that has not said that it serves, by drain or terminate. It may have begun to serve, and then
// answers what it has; see ready. One that imports leaves immediately, or has to quit soon.
func (s *Supervisor) recall(w *worker, leave func(*worker)) {
	leave(w)
	w.ifServing = w.deadline
	w.deadline = s.now.Add(min(s.options.KillDelay, s.options.GracefulTimeout))
}

// drain asks a worker to leave gracefully while others serve.
func (s *Supervisor) drain(w *worker) {
	w.seat, w.slow = nil, reminder{}
	s.setState(w, Draining)
	w.next, w.deadline = Quit, s.now.Add(s.options.GracefulTimeout)
	if err := w.process.Drain(); err != nil { // no control socket any more: then by the signal
		s.signal(w, Terminate)
	}
}

// terminate asks a worker to leave gracefully when nobody takes over. One that drains keeps its deadline.
func (s *Supervisor) terminate(w *worker) {
	if w.state != Draining {
		w.next, w.deadline = Quit, s.now.Add(s.options.GracefulTimeout)
	}
	w.seat, w.slow = nil, reminder{}
	s.setState(w, Stopping)
	s.signal(w, Terminate)
}

// quit makes a worker leave immediately.
func (s *Supervisor) quit(w *worker) {
	if w.state == Stopping && w.next == Kill {
		return // told already
	}
	w.seat, w.slow = nil, reminder{}
	s.setState(w, Stopping)
	w.next, w.deadline = Kill, s.now.Add(s.options.KillDelay)
	s.signal(w, Quit)
}

// checkDeadline goes on to harder means when a worker's time is over.
func (s *Supervisor) checkDeadline(w *worker) {
	if w.deadline.IsZero() || s.now.Before(w.deadline) {
		return
	}
	w.deadline = time.Time{}
	switch {
	case w.state == Starting: // stays in its seat: its exit counts as a start that failed
		s.record(slog.LevelError, "a worker did not become ready within the start time-out and is killed", w.attrs())
		s.signal(w, Kill)
	case w.next == Quit:
		s.record(slog.LevelWarn, "a worker did not leave within the graceful time-out and has to quit", w.attrs())
		s.quit(w)
	default:
		s.record(slog.LevelWarn, "a worker does not quit and is killed", w.attrs())
		s.signal(w, Kill)
	}
}

// signal sends a signal. A worker that cannot be reached is about to be reported dead.
func (s *Supervisor) signal(w *worker, signal Signal) {
	if err := w.process.Signal(signal); err != nil {
		s.record(slog.LevelDebug, "a worker could not be signalled",
			w.attrs(slog.String("signal", signal.String()), slog.String("error", err.Error())))
	}
}
