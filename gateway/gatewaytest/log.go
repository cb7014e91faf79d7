package gatewaytest

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// Log keeps log records as lines of text, from warnings upwards. The zero value is ready for use, by any
// number of goroutines.
type Log struct {
	mu    sync.Mutex
	lines []string
}

// Logger returns a logger that writes into l.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// Write takes one record, as slog's handlers write them.
func (l *Log) Write(record []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, strings.TrimSuffix(string(record), "\n"))
	return len(record), nil
}

// Lines returns the records so far.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// About returns the records that carry the request id.
func (l *Log) About(id string) (lines []string) {
	for _, line := range l.Lines() {
		if slices.Contains(strings.Fields(line), "id="+id) {
			lines = append(lines, line)
		}
	}
	return lines
}
