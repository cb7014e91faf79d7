package main

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

// logged returns what one record writes.
func logged(log func(*slog.Logger)) string {
	var out bytes.Buffer
	log(slog.New(&lineHandler{out: &out, level: slog.LevelDebug}))
	return out.String()
}

var recordStart = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d) `)

// checkRecord checks the promise: one beginning, then only indentation, nothing for terminals, no line that a pipe would tear.
func checkRecord(t *testing.T, text string) {
	t.Helper()
	lines := strings.SplitAfter(text, "\n")
	assert.Empty(t, lines[len(lines)-1], "the last line has an end")
	for i, line := range lines[:len(lines)-1] {
		if i == 0 {
			assert.Regexp(t, recordStart, line)
		} else {
			assert.True(t, strings.HasPrefix(line, indentation), "%q", line)
		}
		assert.LessOrEqual(t, len(line), longestLine)
		assert.True(t, utf8.ValidString(line), "%q", line)
		assert.False(t, strings.ContainsFunc(strings.TrimSuffix(line, "\n"), dangerous), "%q", line)
	}
}

func TestNoLineOfARecordLooksLikeAnother(t *testing.T) {
	forged := "x\n2026-01-01T00:00:00.000Z INFO  forged\r2026-01-01T00:00:00.000Z\u2028\u0085\v\f\x1b[2J\x9b1m\u202eabc\xff\x00"
	for name, text := range map[string]string{
		"message": logged(func(l *slog.Logger) { l.Error(forged) }),
		"value": logged(func(l *slog.Logger) {
			l.Error("exception", "traceback", forged, "id", strings.ReplaceAll(forged, "\n", "\r"))
		}),
		"with":   logged(func(l *slog.Logger) { l.With("path", forged).Info("x") }),
		"errors": logged(func(l *slog.Logger) { l.Info(forged, "source", "wsgi.errors", "id", "1") }),
		"long": logged(func(l *slog.Logger) {
			l.Info(strings.Repeat("ä\x1b", 10000), "traceback", "\n"+strings.Repeat("y", 9999))
		}),
	} {
		t.Run(name, func(t *testing.T) {
			checkRecord(t, text)
			assert.NotContains(t, text, "\n2026-01-01")
		})
	}
}

func TestAMessageOfSeveralLinesIsIndented(t *testing.T) {
	text := string(appendRecord(nil, "pyserve: Traceback:\n  File \"a.py\"\n\nValueError: é\x1b[31m"))
	assert.Equal(t, "pyserve: Traceback:\n      File \"a.py\"\n    \n    ValueError: é\\x1b[31m\n", text)
	assert.Equal(t, `a\nb\u202e\x9b`, visible("a\nb\u202e\x9b"))
}

func FuzzRecords(f *testing.F) {
	for _, seed := range []string{"", "\n", "\r\n2026-01-01T00:00:00.000Z ", "\xff\xfe", "\u2028\u2029\u0085\u061c", strings.Repeat("x", longestLine) + "\n", "\t=\" "} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, message, value string) {
		checkRecord(t, logged(func(l *slog.Logger) { l.Warn(message, "value", value, "other", value) }))
		checkRecord(t, logged(func(l *slog.Logger) { l.Info(message, "id", "5", "source", "wsgi.errors") }))
		assert.NotContains(t, visible(value), "\n")
	})
}
