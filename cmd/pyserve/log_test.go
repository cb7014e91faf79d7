package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What operators read, and their tools parse, changes on purpose only.
func TestTheFormOfMessages(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)
	for name, test := range map[string]struct {
		level slog.Level
		text  string
		attrs []any
		want  string
	}{
		"a message": {slog.LevelInfo, "worker ready", []any{"worker", 0, "pid", 17},
			"2026-01-02T03:04:05.678Z INFO  worker ready worker=0 pid=17\n"},
		"the levels": {slog.LevelWarn, "x", nil, "2026-01-02T03:04:05.678Z WARN  x\n"},
		"an error":   {slog.LevelError, "x", []any{"error", errors.New("no space")}, "2026-01-02T03:04:05.678Z ERROR x error=\"no space\"\n"},
		"a value with spaces, and an empty one": {slog.LevelInfo, "x", []any{"path", "/a b", "none", ""},
			"2026-01-02T03:04:05.678Z INFO  x path=\"/a b\"\n"},
		"a traceback": {slog.LevelError, "exception", []any{"traceback", "Traceback:\n  x\nKeyError\n", "id", "7f"},
			"2026-01-02T03:04:05.678Z ERROR exception id=7f\n    Traceback:\n      x\n    KeyError\n"},
		"a client's bytes": {slog.LevelInfo, "x", []any{"target", "/\x1b[2J\xff"},
			"2026-01-02T03:04:05.678Z INFO  x target=\"/\\x1b[2J\\xff\"\n"},
		"a line of wsgi.errors": {slog.LevelError, "from the application", []any{"source", "wsgi.errors", "id", "7f"},
			"2026-01-02T03:04:05.678Z wsgi.errors [7f] from the application\n"},
		"an option of the library": {slog.LevelWarn, "too large", []any{"option", "MaxBody"},
			"2026-01-02T03:04:05.678Z WARN  too large option=--max-body\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			record := slog.NewRecord(at, test.level, test.text, 0)
			record.Add(test.attrs...)
			require.NoError(t, (&lineHandler{out: &out}).Handle(context.Background(), record))
			assert.Equal(t, test.want, out.String())
		})
	}
}

func TestALogHasALowestLevel(t *testing.T) {
	for name, want := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warning": slog.LevelWarn, "error": slog.LevelError} {
		log := newLog(name)
		assert.True(t, log.Enabled(context.Background(), want), name)
		assert.False(t, log.Enabled(context.Background(), want-1), name)
	}
}
