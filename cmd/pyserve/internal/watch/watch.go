// Package watch reports when the source files of an application have changed, for --reload. It knows files and
// folders only: what is done about a change is the caller's.
//
// The operating system's events (inotify, kqueue; by fsnotify) are taken as hints of where to look, never as
// changes themselves: after a hint the folder is looked at and compared with what was known of it. So a burst of
// events is one set of changes, a save that changed nothing is none, and editors may write files as they like:
// in place, or to another name that is then renamed.
package watch

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	// quiet is how long no event must have come for a burst to be over. Saving all files of an editor takes
	// some milliseconds; a person does not notice the wait.
	quiet = 75 * time.Millisecond
	// patience bounds the wait when events never pause.
	patience = 500 * time.Millisecond
	// interval is between looks at what cannot be watched.
	interval = 500 * time.Millisecond
)

// Options configure New. The zero value watches nothing until AddFiles.
type Options struct {
	// Roots are folders that are watched with all folders below them. In them the files count that an
	// application is made of, by their names (see the table in names.go); hidden folders, virtual environments,
	// site-packages, node_modules and __pycache__ are left out. Symbolic links to folders are not followed, but a
	// root may be one. A root need not exist yet.
	Roots []string

	// Ignore are patterns of path.Match for what does not count. One without a slash is compared with the name
	// of each file, and of each folder in the roots; one with a slash with the path from the root. A folder that
	// matches is left out with all that is in it, but for files named by AddFiles.
	Ignore []string

	// Log gets one warning if files cannot be watched but have to be polled. nil means slog.Default().
	Log *slog.Logger
}

// A Watcher watches files until it is closed. Its methods may be called from any goroutine.
type Watcher struct {
	changes  chan []string
	commands chan func()
	closing  chan struct{}
	close    sync.Once
	ended    chan struct{} // closed when run has returned

	ignore []string
	log    *slog.Logger

	// What follows belongs to the goroutine of run.
	roots   []string
	folders map[string]*folder
	events  *events                    // nil when polling
	dirty   map[string]map[string]bool // folders to look at; the files in them that events named
	pending map[string]bool            // changed paths that nobody has received yet
	timer   *time.Timer                // runs while dirty is not empty
	since   time.Time                  // when it was first started for this burst
}

// New starts to watch. The state that files are in when it returns is what later ones are compared with: call it
// before the application is imported, or a change in between is missed. An error means a mistake in the options.
func New(o Options) (*Watcher, error) { return newWatcher(o, openFsnotify) }

func newWatcher(o Options, open func() (source, error)) (*Watcher, error) {
	w := &Watcher{
		changes: make(chan []string), commands: make(chan func()), closing: make(chan struct{}), ended: make(chan struct{}),
		ignore: o.Ignore, log: o.Log,
		folders: map[string]*folder{}, dirty: map[string]map[string]bool{}, pending: map[string]bool{},
		timer: time.NewTimer(quiet),
	}
	w.timer.Stop()
	if w.log == nil {
		w.log = slog.Default()
	}
	if err := w.check(o); err != nil {
		return nil, err
	}
	if s, err := open(); err != nil {
		w.fallBack(err)
	} else {
		w.events = listen(s)
	}
	for _, root := range w.roots {
		w.folders[root] = newFolder()
		w.folders[root].root = true
	}
	for _, root := range w.roots {
		w.folders[root].tree = true
		w.scan(root, nil)
	}
	clear(w.pending) // what is there at the start is not a change
	go w.run()
	return w, nil
}

// check finds the mistakes in the options and fills w.roots.
func (w *Watcher) check(o Options) error {
	var errs []error
	for _, pattern := range o.Ignore {
		if _, err := path.Match(pattern, ""); err != nil {
			errs = append(errs, fmt.Errorf("%q is not a valid pattern: %w", pattern, err))
		}
	}
	for _, root := range o.Roots {
		root, err := absolute(root)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if info, err := os.Stat(root); err == nil && !info.IsDir() {
			errs = append(errs, fmt.Errorf("cannot watch %s: it is not a directory", root))
		}
		w.roots = append(w.roots, root)
	}
	slices.Sort(w.roots)
	w.roots = slices.Compact(w.roots)
	return errors.Join(errs...)
}

// AddFiles makes files count, wherever they are and whatever their names: those of imported modules, say. They
// need not exist. The state that they are in now is what later ones are compared with, unless they counted
// already. It returns when they are watched.
func (w *Watcher) AddFiles(paths []string) {
	done := make(chan struct{})
	command := func() {
		defer close(done)
		for _, path := range paths {
			w.want(path)
		}
	}
	select {
	case w.commands <- command:
		<-done
	case <-w.ended:
	}
}

// Changes returns the channel on which sets of changed files come: those with other content than before, new ones,
// and those that are gone. A set is never empty, and sorted; the paths are absolute, with symbolic links to folders
// resolved. Changes that happen while nobody receives are added to the set that waits. Close closes the channel.
func (w *Watcher) Changes() <-chan []string { return w.changes }

// Close stops watching and returns when nothing is left of it. The error is always nil.
func (w *Watcher) Close() error {
	w.close.Do(func() { close(w.closing) })
	<-w.ended
	return nil
}

// run owns the state. It never blocks but in its select, so whoever receives the changes may call AddFiles.
func (w *Watcher) run() {
	defer close(w.ended)
	defer close(w.changes)
	defer w.stopListening()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		var out chan<- []string
		var set []string
		if len(w.pending) > 0 {
			out, set = w.changes, slices.Sorted(maps.Keys(w.pending))
		}
		select {
		case <-w.closing:
			return
		case command := <-w.commands:
			command()
		case <-w.events.wake():
			w.hear()
		case <-w.timer.C:
			w.look()
		case <-tick.C:
			w.poll()
		case out <- set:
			clear(w.pending)
		}
	}
}

// look scans the folders of a burst that is over.
func (w *Watcher) look() {
	dirty := w.dirty
	w.dirty = map[string]map[string]bool{}
	for path, names := range dirty {
		w.scan(path, names)
	}
}

// poll scans what cannot be watched: everything when there are no events, else the folders that are missing.
func (w *Watcher) poll() {
	for _, path := range slices.Collect(maps.Keys(w.folders)) { // a copy: scan adds to the map and takes away
		if f := w.folders[path]; f != nil && (f.unwatched || w.events == nil) {
			w.scan(path, nil)
		}
	}
}

// mark notes that a folder is to be looked at, and the file in it that an event named, if any.
func (w *Watcher) mark(path, name string) {
	if len(w.dirty) == 0 {
		w.since = time.Now()
	}
	names := w.dirty[path]
	if names == nil {
		names = map[string]bool{}
		w.dirty[path] = names
	}
	if name != "" {
		names[name] = true
	}
	w.timer.Reset(min(quiet, max(0, patience-time.Since(w.since))))
}

// absolute returns a path without symbolic links in it as far as it exists: one folder must not be known by two
// names, because inotify gives events by one of them only.
func absolute(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real, nil
	}
	return path, nil
}
