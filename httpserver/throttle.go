package httpserver

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// throttleInterval is the least time between two lines of a [Throttle].
const throttleInterval = time.Second

// Throttle logs something that may happen thousands of times a second at most once a second, with how
// often it has happened since the last line. Those between are logged at the level of debugging. The zero value works.
type Throttle struct {
	mu     sync.Mutex
	logged time.Time
	times  int
}

// Log logs msg at the level of a warning, or counts it for the next line. args are as in slog: what is special
// about this one time.
func (t *Throttle) Log(log *slog.Logger, msg string, args ...any) {
	t.log(log, slog.LevelWarn, msg, args)
}

// Info is Log at the level of information, for what clients do.
func (t *Throttle) Info(log *slog.Logger, msg string, args ...any) {
	t.log(log, slog.LevelInfo, msg, args)
}

// Error is Log at the level of an error, for what somebody has to fix.
func (t *Throttle) Error(log *slog.Logger, msg string, args ...any) {
	t.log(log, slog.LevelError, msg, args)
}

func (t *Throttle) log(log *slog.Logger, level slog.Level, msg string, args []any) {
	t.mu.Lock()
	t.times++
	now, times := time.Now(), t.times
	due := now.Sub(t.logged) >= throttleInterval
	if due {
		t.logged, t.times = now, 0
	}
	t.mu.Unlock()
	if due {
		log.Log(context.Background(), level, msg, append([]any{"times", times}, args...)...)
	} else {
		log.Debug(msg, args...)
	}
}
