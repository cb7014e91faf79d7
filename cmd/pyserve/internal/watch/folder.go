package watch

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A folder is what is known of one, as of the last look.
type folder struct {
	root, tree bool                   // one of Options.Roots; within one: files count by their names
	wanted     map[string]bool        // the names of files that count by AddFiles
	files      map[string]fingerprint // by name; the files that count and exist
	subs       map[string]bool        // the names of folders in it that are known too; only with tree
	unwatched  bool                   // it is missing or unreadable and has to be polled
}

func newFolder() *folder {
	return &folder{wanted: map[string]bool{}, files: map[string]fingerprint{}, subs: map[string]bool{}}
}

// want makes a file count by AddFiles. If its name is a symbolic link, the file that it leads to counts too, as
// that is the one that is written to.
func (w *Watcher) want(file string) {
	dir, err := absolute(filepath.Dir(file))
	if err != nil {
		return // the working folder is gone
	}
	name := filepath.Base(file)
	w.wantIn(dir, name)
	if real, err := filepath.EvalSymlinks(filepath.Join(dir, name)); err == nil && real != filepath.Join(dir, name) {
		w.wantIn(filepath.Dir(real), filepath.Base(real))
	}
}

func (w *Watcher) wantIn(dir, name string) {
	f := w.folders[dir]
	if f == nil {
		f = newFolder()
		w.folders[dir] = f
	}
	if f.wanted[name] || w.ignored(dir, name) {
		return
	}
	if len(f.wanted) == 0 && !f.tree {
		w.watch(dir, f)
	}
	f.wanted[name] = true
	if _, known := f.files[name]; !known {
		if now, ok := fingerprintOf(filepath.Join(dir, name), fingerprint{}, true); ok {
			f.files[name] = now
		}
	}
}

// watch asks for the events of a folder. It is asked for again at each look, because the folder of that name may be
// another one by now.
func (w *Watcher) watch(path string, f *folder) {
	if w.events == nil {
		return
	}
	err := w.events.Add(path)
	if isLimit(err) {
		w.fallBack(err)
	}
	f.unwatched = err != nil
}

// scan looks at a folder, compares it with what is known of it, and notes the changes. Files in suspects are read
// even if their size and times are the same: an event said that they were written, and two writes within a tick of
// the file system's clock have the same time.
func (w *Watcher) scan(path string, suspects map[string]bool) {
	f := w.folders[path]
	if f == nil {
		return
	}
	w.watch(path, f) // before it is read, so that nothing can happen in between unheard
	if f.tree && !f.root && isVenv(path) {
		w.leaveOut(path)
		return
	}
	names, subs, err := w.list(path, f)
	if err != nil {
		f.unwatched = true // what is there is not known: look again later
		return
	}
	for name := range f.subs {
		if !slices.Contains(subs, name) {
			delete(f.subs, name)
			w.drop(filepath.Join(path, name))
		}
	}
	w.compare(path, f, names, suspects)
	for _, name := range subs {
		if !f.subs[name] {
			w.adopt(path, f, name)
		}
	}
}

// list returns the names of the files in a folder that count, or may, and of the folders in it that are to be
// watched too. A folder that does not exist has none.
func (w *Watcher) list(path string, f *folder) (names, subs []string, err error) {
	names = slices.Collect(maps.Keys(f.wanted))
	if !f.tree {
		return names, nil, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case entry.IsDir():
			if !skipped(name) && !w.ignored(path, name) {
				subs = append(subs, name)
			}
		case counts(name) && !f.wanted[name] && !w.ignored(path, name):
			names = append(names, name)
		}
	}
	return names, subs, nil
}

// compare notes which files have other content than before, are new, or are gone.
func (w *Watcher) compare(path string, f *folder, names []string, suspects map[string]bool) {
	now := make(map[string]fingerprint, len(names))
	for _, name := range names {
		old, known := f.files[name]
		seen, ok := fingerprintOf(filepath.Join(path, name), old, suspects[name])
		if !ok {
			continue
		}
		now[name] = seen
		if !known || seen.differs(old) {
			w.pending[filepath.Join(path, name)] = true
		}
	}
	for name := range f.files {
		if _, ok := now[name]; !ok {
			w.pending[filepath.Join(path, name)] = true
		}
	}
	f.files = now
}

// adopt takes a folder within a root into account. The files in it are new.
func (w *Watcher) adopt(parent string, f *folder, name string) {
	path := filepath.Join(parent, name)
	f.subs[name] = true
	sub := w.folders[path]
	if sub == nil {
		sub = newFolder()
		w.folders[path] = sub
	}
	if !sub.tree { // else it is a root too, and known
		sub.tree = true
		w.scan(path, nil)
	}
}

// leaveOut forgets a folder that has turned out to be a virtual environment: what comes and goes in it is not a change.
func (w *Watcher) leaveOut(path string) {
	for below, f := range w.under(path) {
		f.tree, f.subs = false, map[string]bool{}
		maps.DeleteFunc(f.files, func(name string, _ fingerprint) bool { return !f.wanted[name] })
		if len(f.wanted) == 0 {
			w.unwatch(below)
			delete(w.folders, below)
		}
	}
}

// drop notes that a folder and all below it are gone. Those that the options or AddFiles name are waited for.
func (w *Watcher) drop(path string) {
	for below, f := range w.under(path) {
		w.unwatch(below)
		w.compare(below, f, nil, nil)
		f.subs = map[string]bool{}
		f.tree, f.unwatched = f.root, true
		if len(f.wanted) == 0 && !f.root {
			delete(w.folders, below)
		}
	}
}

// isVenv reports whether a folder is a virtual environment (PEP 405). A root that is one is watched all the same:
// some people make it in the folder of their project.
func isVenv(path string) bool {
	_, err := os.Lstat(filepath.Join(path, "pyvenv.cfg"))
	return err == nil
}

func (w *Watcher) unwatch(path string) {
	if w.events != nil {
		_ = w.events.Remove(path) // it may have ended with the folder
	}
}

// under returns the known folders from path downwards.
func (w *Watcher) under(path string) map[string]*folder {
	found := map[string]*folder{}
	for other, f := range w.folders {
		if other == path || strings.HasPrefix(other, path+string(filepath.Separator)) {
			found[other] = f
		}
	}
	return found
}
