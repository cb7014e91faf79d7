// Package disk has the calls on files that may wait for a disk. Whoever polls for other clients must not make them, but for
// ReadCached, which does not wait.
package disk

import (
	"os"
	"sync/atomic"
)

// Injected is nil but in tests of disks that are slow, hang or fail: it is called before each call, with its name (one of
// create, write, read, sendfile and close), and may block. Its error is had instead of the call, but for close.
var Injected atomic.Pointer[func(call string) error]

func inject(call string) error {
	if f := Injected.Load(); f != nil {
		return (*f)(call)
	}
	return nil
}

// Create returns a new file in the folder dir that has no name, so that nothing is left of it after a crash.
func Create(dir string) (*os.File, error) {
	if err := inject("create"); err != nil {
		return nil, err
	}
	return create(dir)
}

// createNamed makes the file under a name, and takes the name away.
func createNamed(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "pyserve-spool-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Write is f.Write.
func Write(f *os.File, p []byte) (int, error) {
	if err := inject("write"); err != nil {
		return 0, err
	}
	return f.Write(p)
}

// ReadAt is f.ReadAt.
func ReadAt(f *os.File, p []byte, offset int64) (int, error) {
	if err := inject("read"); err != nil {
		return 0, err
	}
	return f.ReadAt(p, offset)
}

// Close is f.Close: of a file that has no other name, it frees the blocks.
func Close(f *os.File) error {
	_ = inject("close")
	return f.Close()
}
