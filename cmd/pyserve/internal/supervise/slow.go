package supervise

import (
	"log/slog"
	"time"
)

// slowInterval is how often it is said that something still has not come to an end.
const slowInterval = 30 * time.Second

// A reminder is when it is to be said next that what began at since goes on. The zero value never is.
type reminder struct{ since, at time.Time }

func remind(now time.Time) reminder { return reminder{now, now.Add(slowInterval)} }

// due returns for how long it has been going on, if it is time to say so.
func (r *reminder) due(now time.Time) (so time.Duration, due bool) {
	if r.at.IsZero() || now.Before(r.at) {
		return 0, false
	}
	r.at = now.Add(slowInterval)
	return now.Sub(r.since), true
}

// checkSlow says what takes long: an import that hangs looks like one that is slow.
func (s *Supervisor) checkSlow() {
	for _, w := range s.workers {
		if so, due := w.slow.due(s.now); due {
			s.record(slog.LevelWarn, "a worker is not ready yet: the application is still being imported, or the warm-up answered", w.attrs(slog.Duration("for", so)))
		}
	}
	if g := s.candidate; g != nil {
		if so, due := g.slow.due(s.now); due {
			s.record(slog.LevelWarn, "a generation is not prepared yet: the application is still being imported",
				[]slog.Attr{slog.Int("generation", g.number), slog.Duration("for", so)})
		}
	}
	if so, due := s.upgradeSlow.due(s.now); due {
		s.record(slog.LevelWarn, "the new master does not serve yet", []slog.Attr{slog.Duration("for", so)})
	}
}
