package main

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pyserve/pyserve"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/watch"
)

// changes reports changes of the application's source files, for --reload.
type changes struct{ watcher *watch.Watcher }

// watchSources begins to watch, before the import: what changes meanwhile counts, all the more if the import hangs.
func (c *cli) watchSources() (*changes, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	watcher, err := watch.New(watch.Options{Roots: append([]string{dir}, c.Pythonpath...), Log: newLog(c.LogLevel)})
	return &changes{watcher}, err
}

// report calls changed, with one of the files, each time that some have changed. It does not return.
func (s *changes) report(changed func(file string)) {
	for files := range s.watcher.Changes() {
		changed(relative(files[0]))
	}
}

// follow adds the modules from elsewhere, as they are imported.
func (s *changes) follow(rt *pyserve.Runtime) {
	var known []string
	for ; ; time.Sleep(followInterval) {
		files, err := rt.ModuleFiles()
		if err != nil {
			return // it is ending
		}
		if !slices.Equal(files, known) {
			s.watcher.AddFiles(files)
			known = files
		}
	}
}

const followInterval = time.Second

// relative is how people know a file in the working folder.
func relative(file string) string {
	dir, err := os.Getwd()
	if err != nil {
		return file
	}
	short, err := filepath.Rel(dir, file)
	if err != nil || !filepath.IsLocal(short) {
		return file
	}
	return short
}
