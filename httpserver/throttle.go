package httpserver

import (
	"log/slog"
	"sync"
	"time"
)

// throttleInterval is the least time between two lines of a [Throttle].
const throttleInterval = time.Second

// Throttle logs something that may happen thousands of times a second at most once a second, with how
// often it has happened since the last line. The zero value works.
type Throttle struct {
	mu     sync.Mutex
	logged time.Time
	times  int
}

// Log logs msg at the level of a warning, or counts it for the next line.
func (t *Throttle) Log(log *slog.Logger, msg string) {
	t.mu.Lock()
	t.times++
	now, times := time.Now(), t.times
	due := now.Sub(t.logged) >= throttleInterval
	if due {
		t.logged, t.times = now, 0
	}
	t.mu.Unlock()
	if due {
		log.Warn(msg, "times", times)
	}
}
