package supervise

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// WorkerReady says that a worker has imported the application and serves. It must be posted before the exit of
// the same worker.
func (s *Supervisor) WorkerReady(id int) {
	s.events.post(func() { s.withWorker(id, s.ready) })
}

// WorkerExited says that a worker's process is gone and reaped. It must be posted for every started worker, once.
func (s *Supervisor) WorkerExited(id int, exit Exit) {
	s.events.post(func() { s.withWorker(id, func(w *worker) { s.exited(w, exit) }) })
}

// WorkerLeaves says that a worker was told to leave by somebody else than this master, such as a person or the service
// manager, which may be about to tell the master too.
func (s *Supervisor) WorkerLeaves(id int) {
	s.events.post(func() { s.withWorker(id, s.leaves) })
}

func (s *Supervisor) withWorker(id int, do func(*worker)) {
	if w := s.workers[id]; w != nil {
		do(w)
	}
}

func (s *Supervisor) ready(w *worker) {
	if w.state != Starting { // told to leave meanwhile
		if w.next == Quit && !w.ifServing.IsZero() {
			w.deadline = w.ifServing
		}
		return
	}
	s.setState(w, Ready)
	s.everReady = true
	w.deadline, w.slow = time.Time{}, reminder{}
	s.setAge(w)
	s.record(slog.LevelInfo, "worker ready", w.attrs())
	if w.reopen {
		s.signal(w, Reopen)
	}
	if w.generation == s.candidate {
		s.prove()
	}
	if seat := w.seat; seat.successor == w {
		old := seat.worker
		seat.worker, seat.successor = w, nil
		if old != nil {
			old.recycled = old.retire != "" && old.generation == s.current
			s.replaced[old.cause(s.current)]++
			s.dismiss(old)
		}
	}
}

func (s *Supervisor) exited(w *worker, exit Exit) {
	delete(s.workers, w.id)
	switch {
	case w.seat == nil:
		s.record(slog.LevelInfo, "worker left", w.attrs(exit.attr()))
	case exit.byOthers() && w.mayVacate():
		s.vacate(w)
		s.record(slog.LevelInfo, "a worker was ended by somebody else", w.attrs(exit.attr()))
	case w.generation == s.candidate:
		w.leaveSeat()
		s.record(slog.LevelError, "a worker failed before it was ready", w.attrs(append(exit.Report, exit.attr())...))
		s.candidateFailed(max(exit.Code, 1))
	default:
		s.died(w, exit)
	}
}

// leaves lets a worker go that leaves without being asked by this master.
func (s *Supervisor) leaves(w *worker) {
	if w.seat == nil || !w.mayVacate() {
		return
	}
	s.vacate(w)
	s.setState(w, Stopping)
	w.slow, w.next, w.deadline = reminder{}, Quit, s.now.Add(s.options.GracefulTimeout)
	s.record(slog.LevelInfo, "a worker leaves: something else has asked it to", w.attrs())
}

// vacate frees the seat of a worker that others have ended. Whoever ends a worker may be ending them all, this master
// too: nothing is started before that would be known.
func (s *Supervisor) vacate(w *worker) {
	seat := w.seat
	w.leaveSeat()
	s.replaced["ended"]++
	if w.state == Starting {
		w.generation.dismissed++
	}
	seat.backoff.until = later(seat.backoff.until, s.now.Add(leaveDelay))
	if w.generation == s.candidate {
		s.candidate.tried, s.candidate.retryAt = false, s.now.Add(leaveDelay)
	}
}

const (
	// leaveDelay is how long nothing is started in the place of a worker that others have ended.
	leaveDelay = time.Second
	// maxDismissed is for how many workers of a generation it is believed that others have ended them while they
	// were starting; beyond that it may be the application itself.
	maxDismissed = 3
)

func (w *worker) mayVacate() bool {
	return w.state != Starting || w.generation.dismissed < maxDismissed
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// died logs, in one record, a worker that left without being asked, and counts it in the back-off of its seat.
func (s *Supervisor) died(w *worker, exit Exit) {
	message := "worker died"
	if w.state == Starting {
		message = "a worker failed before it was ready"
	} else if s.now.Sub(w.since) >= s.options.StableAfter {
		w.seat.backoff.reset()
	}
	w.seat.restarts++
	s.replaced["died"]++
	delay := w.seat.backoff.fail(s.now)
	w.leaveSeat()
	s.record(slog.LevelError, message, w.attrs(append([]slog.Attr{
		exit.attr(), slog.Duration("up", s.now.Sub(w.since)), slog.Duration("restart_in", delay)}, exit.Report...)...))
}

// leaveSeat takes a dead worker out of its seat. A successor of the current generation is then all that is
// needed there; one of a candidate is not, for it may fail.
func (w *worker) leaveSeat() {
	seat := w.seat
	w.seat = nil
	if seat.successor == w {
		seat.successor = nil
		return
	}
	seat.worker = nil
	if next := seat.successor; next != nil && next.generation.proven {
		seat.worker, seat.successor = next, nil
	}
}

// settle ends the first start.
func (s *Supervisor) settle() {
	if s.settled || s.current == nil || s.pending() > 0 {
		return
	}
	s.settled = true
	s.record(slog.LevelInfo, fmt.Sprintf("ready with %s", plural(s.serving(), "worker")), nil)
}

// pending returns the number of seats that a start or a reload still waits for: their worker is outdated or
// starting. Where a worker of the current generation has failed nothing is waited for: that there will ever be
// a ready one is then not certain, and the others serve.
func (s *Supervisor) pending() (n int) {
	for _, seat := range s.seats {
		outdated := seat.worker != nil && seat.worker.generation != s.current
		missing := (seat.worker == nil || seat.worker.state != Ready) && seat.backoff.failures == 0
		if outdated || missing {
			n++
		}
	}
	return n
}

func (s *Supervisor) record(level slog.Level, message string, attrs []slog.Attr) {
	s.log.LogAttrs(context.Background(), level, message, attrs...)
}
