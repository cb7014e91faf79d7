package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// stderr is where messages go. Nobody waits for whoever reads them.
var stderr = httpserver.NewLogWriter(os.Stderr, "the standard error", 0, nil)

// flushMessages is called before the process ends.
func flushMessages() { stderr.Flush(messagesEnd) }

// messagesEnd is how long the end of a process waits for whoever reads its messages.
const messagesEnd = time.Second

func newLog(level string) *slog.Logger {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warning": slog.LevelWarn, "error": slog.LevelError,
	}
	log := slog.New(&lineHandler{out: stderr, level: levels[level]})
	stderr.SetLog(log)
	return log
}

// lineHandler writes a record as one line for people to read, and values of several lines, such as
// tracebacks, indented below it; see appendRecord.
type lineHandler struct {
	out   io.Writer
	level slog.Level
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// Handle implements slog.Handler. The record is written by one call of Write, and out must take calls of several
// goroutines.
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var line, below strings.Builder
	line.WriteString(r.Time.Format("2006-01-02T15:04:05.000Z07:00"))
	application, id := fromApplication(r)
	if application {
		fmt.Fprintf(&line, " wsgi.errors [%s] %s", id, oneLine(r.Message))
	} else {
		fmt.Fprintf(&line, " %-5s %s", r.Level, oneLine(r.Message))
	}
	add := func(a slog.Attr) bool {
		value := a.Value.Resolve().String()
		if a.Key == "option" {
			value = flagOf(value)
		}
		switch {
		case value == "", application:
		case strings.Contains(value, "\n"):
			below.WriteString("\n" + strings.TrimRight(value, "\n"))
		default:
			fmt.Fprintf(&line, " %s=%s", a.Key, quoted(value))
		}
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	_, err := h.out.Write(appendRecord(nil, line.String()+below.String()))
	return err
}

// fromApplication reports whether r is a line of wsgi.errors, and the id of the request that wrote it. Such
// lines are often parts of a longer text, so the id stands in front, where it leaves the text as it is.
func fromApplication(r slog.Record) (yes bool, id string) {
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "id":
			id = a.Value.String()
		case "source":
			yes = a.Value.String() == "wsgi.errors"
		}
		return true
	})
	return yes, id
}

// WithAttrs implements slog.Handler.
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	copied := *h
	copied.attrs = append(append([]slog.Attr(nil), h.attrs...), attrs...)
	return &copied
}

// WithGroup implements slog.Handler. Nothing here uses groups.
func (h *lineHandler) WithGroup(string) slog.Handler { return h }
