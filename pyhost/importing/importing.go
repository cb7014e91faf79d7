// Package importing says what an import is doing that takes long: where it is, and whether it has become a server itself.
package importing

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
)

// first is after how long it is said first; each time after that comes twice as late.
const first = 5 * time.Second

// A Watch is an import to be watched.
type Watch struct {
	// Name is the application's, as people know it.
	Name string
	// PID is the process that imports.
	PID int
	// Stack returns the Python stack of the importing thread in faulthandler's form, innermost call first, or "" if it is not to be
	// had. It must not wait for the GIL.
	Stack func() string
	// Log takes what there is to say.
	Log *slog.Logger

	first time.Duration // for tests; 0 is the constant
}

// Begin watches until stop is called, which returns when nothing will be said any more.
func (w Watch) Begin() (stop func()) {
	if w.first == 0 {
		w.first = first
	}
	known := listening(w.PID) // the server's own, and what is not the application's
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		begin := time.Now()
		for next := w.first; ; next *= 2 {
			select {
			case <-done:
				return
			case <-time.After(next - time.Since(begin)):
				w.say(next, known, next == w.first)
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(done)
		<-ended
	})
}

// say reports where the import is after that time, with the whole stack if asked for, and servers it has not reported yet.
func (w Watch) say(after time.Duration, known map[string]int, whole bool) {
	frames := ownFrames(w.Stack())
	var at, stack string
	if len(frames) > 0 {
		at = strings.NewReplacer(`"`, "", ", line ", ":").Replace(frames[0])
	}
	if len(frames) > 1 && whole {
		stack = "  File " + strings.Join(frames, "\n  File ") + "\n"
	}
	w.Log.Warn(fmt.Sprintf("still importing %s after %v s", w.Name, after.Seconds()), "at", at, "stack", stack)
	for inode, port := range listening(w.PID) {
		if _, there := known[inode]; !there {
			known[inode] = port
			w.Log.Warn(fmt.Sprintf("the application has opened a server of its own on port %d: is app.run() called at import? "+
				"Put it under if __name__ == \"__main__\"", port))
		}
	}
}

// ownFrames returns the frames of a stack, each from its file on, without this program's own and those of the import system.
func ownFrames(stack string) (frames []string) {
	for line := range strings.Lines(stack) {
		frame, ok := strings.CutPrefix(strings.TrimSpace(line), "File ")
		if ok && !strings.HasPrefix(frame, `"<pyserve>"`) && !strings.HasPrefix(frame, `"<frozen importlib`) && !strings.Contains(frame, `/importlib/__init__.py"`) {
			frames = append(frames, printable(frame))
		}
	}
	return frames
}

// printable is text of another process, which may be anything, as it may stand in a log.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, text)
}
