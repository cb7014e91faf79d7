package main

import (
	"os"
	"slices"
)

// foldersOf returns a generation's folders. If they have been removed, they are looked for again: old code that is gone
// cannot be served.
func (m *master) foldersOf(generation int) (folders, error) {
	m.mu.Lock()
	f := m.folders[generation]
	m.mu.Unlock()
	if _, err := os.Stat(f.Home); err == nil {
		return f, nil
	}
	now, err := m.c.folders()
	if err == nil {
		m.log.Warn("the folder of the generation has been removed: a worker gets the one that is there now", "generation", generation, "was", f.Home, "is", now.Home)
	}
	return now, err
}

// chooseFolders notes the folders of a new generation.
func (m *master) chooseFolders(generation int) (f folders, err error) {
	if f, err = m.c.folders(); err != nil {
		return f, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if before := m.newest; generation > 1 && (before.Home != f.Home || before.Venv != f.Venv || before.App != f.App || !slices.Equal(before.Pythonpath, f.Pythonpath)) {
		m.log.Info("the code is in other folders now", "generation", generation, "folder", f.Home, "venv", f.Venv, "pythonpath", f.Pythonpath)
	}
	m.folders[generation], m.newest = f, f
	return f, nil
}
