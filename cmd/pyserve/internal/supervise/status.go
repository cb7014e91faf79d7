package supervise

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// A State is one of the master (Starting, Ready, Reloading, Stopping) or of a worker (Starting, Ready, Draining,
// Stopping).
type State string

const (
	Starting  State = "starting"
	Ready     State = "ready"
	Reloading State = "reloading"
	Draining  State = "draining" // leaves gracefully while others serve
	Stopping  State = "stopping" // was told by a signal to leave
)

// Status is a snapshot of the supervisor.
type Status struct {
	State      State
	Generation int // the newest that has had a ready worker; 0 before
	Newest     int // the newest that was begun
	Failed     int // the newest that has failed; 0 for none
	Wanted     int // the number of workers that should be ready
	Serving    int // the number of ready ones
	// Replaced is how often another worker had to take a worker's place, by the cause: "died", "ended" (by somebody else),
	// "reload", "stuck", "interrupted", "max requests", "max age", "max memory".
	Replaced map[string]int
	Workers  []WorkerStatus
}

// WorkerStatus is a living worker in a snapshot.
type WorkerStatus struct {
	Slot, PID, Generation int
	State                 State
	Since                 time.Time // when it entered the state
	Restarts              int       // how often a worker in its place had died when it was started
	Retiring              string    // why it is to be replaced; empty if it is not
}

// Status returns the newest snapshot. Its Workers are ordered by slot and must not be changed.
func (s *Supervisor) Status() Status { return *s.status.Load() }

// Answers reports whether the goroutine of Run gets to its events within so long. Unlike the other methods it blocks.
func (s *Supervisor) Answers(within time.Duration) bool {
	answered := make(chan struct{})
	s.events.post(func() { close(answered) })
	select {
	case <-answered:
		return true
	case <-time.After(within):
		return false
	}
}

// publish makes a new snapshot and reports to the service manager what has changed.
func (s *Supervisor) publish() {
	if s.reloading && s.candidate == nil && s.pending() == 0 {
		s.reloading = false
		s.record(slog.LevelInfo, fmt.Sprintf("reload done: generation %d serves", s.currentNumber()), nil)
	}
	status := &Status{State: s.state(), Generation: s.currentNumber(), Newest: s.lastNumber, Failed: s.failed, Wanted: s.wanted, Serving: s.serving(), Replaced: maps.Clone(s.replaced)}
	for _, w := range s.workers {
		status.Workers = append(status.Workers, WorkerStatus{
			Slot: w.slot, PID: w.process.PID(), Generation: w.generation.number, State: w.state, Since: w.since,
			Restarts: w.restarts, Retiring: w.retire,
		})
	}
	slices.SortFunc(status.Workers, func(a, b WorkerStatus) int { return cmp.Compare(a.Slot, b.Slot) })
	s.status.Store(status)
	s.notify(status)
}

// notify reports the state to the service manager, once for each change, and nothing any more when a new master does.
func (s *Supervisor) notify(status *Status) {
	line := s.describe(status)
	if s.handedOver || status.State == s.notifiedState && line == s.notifiedStatus {
		return
	}
	s.notifiedState, s.notifiedStatus = status.State, line
	s.system.Notify(status.State, line)
}

func (s *Supervisor) describe(status *Status) string {
	line := fmt.Sprintf("%d of %s ready", status.Serving, plural(s.wanted, "worker"))
	switch {
	case status.State == Stopping:
		return fmt.Sprintf("stopping, %s left", plural(len(s.workers), "worker"))
	case s.dismissed:
		return "without workers until a reload"
	case status.State == Reloading && s.candidate != nil:
		return fmt.Sprintf("%s, trying generation %d", line, s.candidate.number)
	case status.State == Reloading:
		return fmt.Sprintf("%s, %d to go to generation %d", line, s.pending(), s.currentNumber())
	case s.current != nil:
		return fmt.Sprintf("%s, generation %d", line, s.currentNumber())
	}
	return line
}

func (s *Supervisor) state() State {
	switch {
	case s.stopping != running:
		return Stopping
	case !s.settled:
		return Starting
	case s.reloading:
		return Reloading
	}
	return Ready
}

func (s *Supervisor) currentNumber() int {
	if s.current == nil {
		return 0
	}
	return s.current.number
}

// serving returns the number of workers that are ready and stay.
func (s *Supervisor) serving() (n int) {
	for _, w := range s.workers {
		if w.state == Ready {
			n++
		}
	}
	return n
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
