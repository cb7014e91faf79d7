package httpserver

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// throttleInterval is the least time between two lines of a [throttle].
const throttleInterval = time.Second

// throttle logs something that may happen thousands of times a second at most once a second, with how
// often it has happened since the last line. The zero value works.
type throttle struct {
	mu     sync.Mutex
	logged time.Time
	times  int
}

func (t *throttle) log(log *slog.Logger, level slog.Level, msg string) {
	t.mu.Lock()
	t.times++
	now, times := time.Now(), t.times
	due := now.Sub(t.logged) >= throttleInterval
	if due {
		t.logged, t.times = now, 0
	}
	t.mu.Unlock()
	if due {
		log.Log(context.Background(), level, msg, "times", times)
	}
}
