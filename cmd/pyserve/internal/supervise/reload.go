package supervise

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// A generation is the code that its workers have imported.
type generation struct {
	number int
	cancel context.CancelFunc // ends its Prepare
	ready  bool               // prepared: its workers can be started
	tried  bool               // its first worker was started
	proven bool               // one of its workers has been ready
	lost   bool               // none of its workers can be started any more

	provenAt  time.Time
	slow      reminder  // of its Prepare
	dismissed int       // how many of its workers others have ended while they were starting
	retryAt   time.Time // when its first worker may be started once more, as others have ended the one before
}

// Reload (SIGHUP) replaces all workers by those of a new generation. Its first worker is tried while the old ones
// serve: if it fails, they go on. When it is ready an old one drains, and so on, one after the other; there are
// never fewer than W ready. A reload during a reload replaces it: the newest code is wanted, and a generation
// whose import hangs must not stand in its way. After Dismiss, Reload makes the workers again.
func (s *Supervisor) Reload() {
	s.events.post(func() {
		if s.stopping != running {
			return
		}
		s.dismissed = false
		s.reload("reload")
	})
}

// GenerationLost says that no more workers of a generation can be started, because its zygote died. Its workers go
// on until a reload, which begins by itself, with back-off, has replaced them.
func (s *Supervisor) GenerationLost(number int, err error) {
	s.events.post(func() {
		switch lost := s.generations[number]; {
		case lost == nil || s.stopping != running:
		case lost == s.candidate:
			s.record(slog.LevelError, "a generation was lost before it was ready", generationAttrs(number, err))
			s.candidateFailed(1)
		case lost == s.current && !lost.lost:
			s.record(slog.LevelError, "no more workers can be started from the generation: it is made again", generationAttrs(number, err))
			lost.lost = true
			if s.now.Sub(lost.provenAt) >= s.options.StableAfter {
				s.renewal.reset()
			}
			s.renewal.fail(s.now)
		}
	})
}

func generationAttrs(number int, err error) []slog.Attr {
	return []slog.Attr{slog.Int("generation", number), slog.Any("error", err)}
}

func (s *Supervisor) reload(why string) {
	s.reloading = true
	s.tryGeneration()
	s.record(slog.LevelInfo, why+": starting a new generation", []slog.Attr{slog.Int("generation", s.candidate.number)})
}

// tryGeneration begins a new generation, in place of one that is still being tried.
func (s *Supervisor) tryGeneration() {
	s.abandonCandidate()
	s.abandonSuccessors() // they would be outdated, and might take their time
	s.lastNumber++
	g := &generation{number: s.lastNumber, slow: remind(s.now)}
	var ctx context.Context
	ctx, g.cancel = s.limited(s.options.StartTimeout)
	s.candidate = g
	s.task(func() error { return s.system.Prepare(ctx, g.number) }, func(err error) { s.prepared(g, err) })
}

func (s *Supervisor) prepared(g *generation, err error) {
	g.cancel()
	g.slow = reminder{}
	if err == nil {
		g.ready = true
		s.generations[g.number] = g // forgotten in this turn if it was abandoned
		return
	}
	if g == s.candidate {
		s.record(slog.LevelError, "a generation could not be prepared", generationAttrs(g.number, err))
		s.candidateFailed(failureCode(err))
	}
}

func (s *Supervisor) abandonCandidate() {
	if s.candidate != nil {
		s.candidate.cancel()
		s.candidate = nil
	}
}

func (s *Supervisor) abandonSuccessors() {
	for _, seat := range s.seats {
		s.dismiss(seat.successor)
		seat.successor = nil
	}
}

// startCandidate starts the first worker of the candidate, in an empty seat if there is one.
func (s *Supervisor) startCandidate() {
	g := s.candidate
	if g == nil || !g.ready || g.tried || s.now.Before(g.retryAt) {
		return
	}
	s.abandonSuccessors() // one started meanwhile might never become ready
	if !s.hasRoom() {
		return
	}
	seat := s.seats[0]
	for _, other := range s.seats {
		if seat.worker != nil && other.worker == nil {
			seat = other
		}
	}
	g.tried = true
	w, err := s.start(g, seat)
	if err != nil {
		s.record(slog.LevelError, "a worker could not be started", generationAttrs(g.number, err))
		s.candidateFailed(failureCode(err))
		return
	}
	seat.successor = w
}

// succeeding reports whether a successor is starting.
func (s *Supervisor) succeeding() bool {
	for _, seat := range s.seats {
		if seat.successor != nil {
			return true
		}
	}
	return false
}

// prove makes the candidate the current generation. Crashes of the old code say nothing about the new.
func (s *Supervisor) prove() {
	s.current, s.candidate = s.candidate, nil
	s.current.proven, s.current.provenAt = true, s.now
	for _, seat := range s.seats {
		seat.backoff.reset()
	}
}

// candidateFailed ends the first start, and with it the master, or the reload.
func (s *Supervisor) candidateFailed(exitCode int) {
	failed := s.candidate
	s.failed = failed.number
	s.abandonCandidate()
	s.abandonSuccessors()
	switch {
	case !s.everReady:
		s.exitCode = exitCode
		s.record(slog.LevelError, "the first worker failed: nothing is served", nil)
		s.stop(quick)
		return
	case s.current == nil:
		s.dismissed = true
		s.record(slog.LevelError, "reload failed: there are no workers", []slog.Attr{slog.Int("generation", failed.number)})
	default:
		s.record(slog.LevelError, fmt.Sprintf("reload failed: generation %d keeps serving", s.current.number),
			[]slog.Attr{slog.Int("generation", failed.number)})
		if s.current.lost {
			s.renewal.fail(s.now)
		}
	}
	s.reloading = false
}

// renewLost replaces a generation from which no worker can be started.
func (s *Supervisor) renewLost() {
	if s.current != nil && s.current.lost && s.candidate == nil && s.renewal.over(s.now) {
		s.reload("a lost generation is replaced")
	}
}

// forgetUnused forgets the generations that have no workers and will have none.
func (s *Supervisor) forgetUnused() {
	used := map[*generation]bool{s.current: true, s.candidate: true}
	for _, w := range s.workers {
		used[w.generation] = true
	}
	for number, g := range s.generations {
		if !used[g] {
			delete(s.generations, number)
			s.system.Forget(number)
		}
	}
}
