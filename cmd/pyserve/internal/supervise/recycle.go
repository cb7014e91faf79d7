package supervise

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"
)

const memoryInterval = time.Second

// WorkerRetires says that a worker asks to be replaced, and why: it has served --max-requests, or a thread is
// stuck, in which case it goes before others. Its successor is ready before it drains.
func (s *Supervisor) WorkerRetires(id int, reason string, stuck bool) {
	s.events.post(func() {
		s.withWorker(id, func(w *worker) {
			if w.seat != nil && w.state == Ready {
				w.stuck = w.stuck || stuck
				s.retire(w, reason)
			}
		})
	})
}

func (s *Supervisor) retire(w *worker, reason string, more ...slog.Attr) {
	if w.retire != "" {
		return
	}
	w.retire = reason
	s.record(slog.LevelInfo, "a worker is to be replaced", w.attrs(append(more, slog.String("reason", reason))...))
}

// cause says why a worker was replaced by another one, of the generation current.
func (w *worker) cause(current *generation) string {
	switch {
	case w.generation != current:
		return "reload"
	case w.stuck:
		return "stuck"
	case strings.HasPrefix(w.retire, "max "):
		return w.retire
	default:
		return "interrupted"
	}
}

// setAge says when a worker that has just become ready is too old.
func (s *Supervisor) setAge(w *worker) {
	if s.options.MaxAge > 0 {
		w.oldAt = s.now.Add(s.options.MaxAge + rand.N(s.options.MaxAgeJitter+1))
	}
}

func (s *Supervisor) checkAge(w *worker) {
	if w.seat != nil && !w.oldAt.IsZero() && !s.now.Before(w.oldAt) {
		s.retire(w, "max age")
	}
}

// checkMemory measures the workers. One that is too large soon after its start counts as a failure of its seat:
// an application that needs more than the limit from the beginning would otherwise be started on end.
func (s *Supervisor) checkMemory() {
	if s.options.MaxMemory == 0 || s.now.Before(s.memoryAt) {
		return
	}
	s.memoryAt = s.now.Add(memoryInterval)
	for _, w := range s.workers {
		if w.seat == nil || w.state != Ready || w.retire != "" {
			continue
		}
		size, err := w.process.RSS()
		if err != nil || size <= s.options.MaxMemory {
			continue
		}
		if s.now.Sub(w.since) >= s.options.StableAfter {
			w.seat.backoff.reset()
		}
		w.seat.backoff.fail(s.now)
		s.retire(w, "max memory", slog.String("rss", fmt.Sprintf("%d MiB", size>>20)))
	}
}

// replaceNext starts the next successor, if one is needed and none is starting: for a worker that is stuck, then
// for an outdated one, then for one to be recycled.
func (s *Supervisor) replaceNext() {
	if s.current == nil || s.current.lost || s.succeeding() || !s.hasRoom() {
		return
	}
	var next *seat
	var urgency int
	for _, seat := range s.seats {
		if u := s.urgency(seat); u > urgency {
			next, urgency = seat, u
		}
	}
	if next == nil {
		return
	}
	w, err := s.start(s.current, next)
	if err != nil {
		s.startFailed(next, err)
		return
	}
	next.successor = w
}

// urgency returns how much a seat's worker needs a successor now; 0 means not at all.
func (s *Supervisor) urgency(seat *seat) int {
	switch w := seat.worker; {
	case w == nil || !seat.backoff.over(s.now):
		return 0
	case w.stuck:
		return 3
	case w.generation != s.current:
		return 2
	case w.retire != "" && s.recycling() < max(s.wanted/8, 1):
		return 1
	}
	return 0
}

// recycling returns the number of recycled workers that have not left yet. Few do so at a time: what is warm in
// them, caches and connections, is not lost everywhere at once.
func (s *Supervisor) recycling() (n int) {
	for _, w := range s.workers {
		if w.recycled {
			n++
		}
	}
	return n
}
