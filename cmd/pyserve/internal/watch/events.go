package watch

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// A source is a *fsnotify.Watcher, or a test's.
type source struct {
	backend
	events <-chan fsnotify.Event // closed by Close
	errors <-chan error
}

type backend interface {
	Add(folder string) error
	Remove(folder string) error
	Close() error
}

func openFsnotify() (source, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return source{}, err
	}
	return source{w, w.Events, w.Errors}, nil
}

// events takes the events of a source as they come and keeps them. fsnotify may hold its lock while it hands over an
// error: whoever calls Add must not be the one who receives.
type events struct {
	source
	signal chan struct{} // holds one value while there is something to take

	mu     sync.Mutex
	queue  []fsnotify.Event
	missed bool // events were lost, by an overflow or another error
}

func listen(s source) *events {
	e := &events{source: s, signal: make(chan struct{}, 1)}
	go e.receive()
	return e
}

func (e *events) receive() {
	for {
		select {
		case event, ok := <-e.events:
			if !ok {
				return
			}
			e.put(func() { e.queue = append(e.queue, event) })
		case _, ok := <-e.source.errors:
			if !ok {
				return
			}
			e.put(func() { e.missed = true })
		}
	}
}

func (e *events) put(change func()) {
	e.mu.Lock()
	change()
	e.mu.Unlock()
	select {
	case e.signal <- struct{}{}:
	default:
	}
}

// wake returns the channel that announces events to take. Without events it is nil, and never does.
func (e *events) wake() <-chan struct{} {
	if e == nil {
		return nil
	}
	return e.signal
}

// drain returns what has come, and whether something was missed.
func (e *events) drain() (queue []fsnotify.Event, missed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	queue, missed = e.queue, e.missed
	e.queue, e.missed = nil, false
	return queue, missed
}

// hear marks the folders that events name.
func (w *Watcher) hear() {
	queue, missed := w.events.drain()
	for _, event := range queue {
		w.hint(event)
	}
	if missed {
		w.markAll()
	}
}

func (w *Watcher) hint(event fsnotify.Event) {
	if event.Op == fsnotify.Chmod {
		return // mode, owner or times: no content
	}
	dir, name := filepath.Split(event.Name)
	dir = filepath.Clean(dir)
	f := w.folders[dir]
	switch {
	case event.Has(fsnotify.Remove|fsnotify.Rename) && w.folders[event.Name] != nil:
		w.lost(event.Name)
	case f == nil:
	case f.wanted[name], f.tree && counts(name):
		w.mark(dir, name)
	case f.tree && event.Has(fsnotify.Create) && !skipped(name):
		if info, err := os.Lstat(event.Name); err == nil && info.IsDir() {
			w.mark(dir, "")
		}
	}
}

// lost deals with a watched folder that was removed or renamed. inotify's watches go with a renamed folder and would
// give events by its old name, so those of all folders below end; that may hit the folder under its new name,
// so everything is looked at and watched again. It happens rarely, and takes milliseconds.
func (w *Watcher) lost(path string) {
	for below := range w.under(path) {
		w.unwatch(below)
	}
	w.markAll()
}

func (w *Watcher) markAll() {
	for path := range w.folders {
		w.mark(path, "")
	}
}

// isLimit reports whether err is a limit of the system's: on watches (ENOSPC), on inotify instances or open files
// (EMFILE, ENFILE), or on memory.
func isLimit(err error) bool {
	for _, limit := range []error{syscall.ENOSPC, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, limit) {
			return true
		}
	}
	return false
}

// fallBack goes over to polling, for good.
func (w *Watcher) fallBack(err error) {
	w.log.Warn("files cannot be watched and are looked at every "+interval.String()+
		" instead: if a limit is the reason, raise the sysctls fs.inotify.max_user_watches and max_user_instances",
		"error", err)
	w.stopListening()
}

func (w *Watcher) stopListening() {
	if w.events != nil {
		_ = w.events.Close()
		w.events = nil
	}
}
