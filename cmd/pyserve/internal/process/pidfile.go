//go:build unix

package process

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pyserve/pyserve/httpserver/trustedpath"
)

// A PIDFile is the file that holds this process's id. It is locked (flock(2)) for as long as the process lives: a number
// alone says nothing after a restart of the machine, when it may be anybody's.
type PIDFile struct {
	place *trustedpath.Place
	file  *os.File
	info  fs.FileInfo
	once  sync.Once
}

// lockPatience is how long to wait for the lock of a file whose process is gone: another start looks at it too, or
// a process that the application has forked still holds it.
const lockPatience = time.Second

// WritePID makes the file path hold this process's id, in one step and as a whole. If it is the file of another process
// that lives it is an error, unless that is except, whom this process replaces.
func WritePID(path string, except int) (*PIDFile, error) {
	f, err := writePID(path, except)
	var place *fs.PathError
	var renamed *os.LinkError
	switch {
	case err == nil:
		return f, nil
	case errors.As(err, &renamed): // of a temporary file, which nobody has asked for
		err = renamed.Err
	case errors.As(err, &place):
		err = place.Err
	default:
		return nil, fmt.Errorf("cannot write the PID file: %w", err)
	}
	return nil, fmt.Errorf("cannot write the PID file %s: %w: choose a path in a folder that is there, and that this user can write", path, err)
}

func writePID(path string, except int) (f *PIDFile, err error) {
	f = &PIDFile{}
	if f.place, err = trustedpath.Find(path); err != nil {
		return nil, err
	}
	temporary := f.place.Sibling(".pyserve-pid-" + rand.Text())
	if f.file, err = temporary.Create(0o600); err != nil {
		f.place.Close()
		return nil, err
	}
	if err = f.fill(); err == nil {
		err = f.claim(path, temporary, except)
	}
	if err != nil {
		_ = temporary.Remove(f.info)
		f.file.Close()
		f.place.Close()
		return nil, err
	}
	return f, nil
}

// fill makes the file what it is to be before it has its name.
func (f *PIDFile) fill() (err error) {
	if f.info, err = f.file.Stat(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(f.file, os.Getpid())
	return errors.Join(err, f.file.Chmod(0o644), ignoreMissing(lock(f.file)))
}

// lock takes the lock, or fails with EWOULDBLOCK.
func lock(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// ignoreMissing forgives file systems that have no locks: the process's number then has to do.
func ignoreMissing(err error) error {
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return err
	}
	return nil
}

// claim gives the file its name.
func (f *PIDFile) claim(path string, temporary *trustedpath.Place, except int) error {
	for late := time.Now().Add(lockPatience); ; time.Sleep(lockPatience / 100) {
		old, err := f.place.Open()
		if errors.Is(err, fs.ErrNotExist) {
			if err = f.place.Link(temporary); errors.Is(err, fs.ErrExist) {
				continue // another start was faster
			} else if err == nil {
				return temporary.Remove(f.info)
			}
			return f.place.Replace(temporary) // a file system without links
		}
		if err != nil {
			return err
		}
		free, err := f.mayReplace(path, old, except, time.Now().After(late))
		if free {
			err = f.place.Replace(temporary)
		}
		old.Close() // and its lock with it
		if free || err != nil {
			return err
		}
	}
}

// mayReplace reports whether old, which has the name, is nobody's any more. If that is not yet known there is no error.
func (f *PIDFile) mayReplace(path string, old *os.File, except int, late bool) (bool, error) {
	pid, err := parsePID(path, old)
	if err != nil {
		return false, fmt.Errorf("%w: remove the file, or choose another one", err)
	}
	switch err := lock(old); {
	case pid != 0 && pid == except:
		return true, nil
	case err != nil && lives(pid):
		return false, fmt.Errorf("%s is that of process %d, which is running: stop it, or choose another file", path, pid)
	case errors.Is(err, syscall.EWOULDBLOCK):
		return late, nil
	}
	now, err := f.place.Stat()
	if err != nil {
		return false, nil // it has just gone
	}
	was, err := old.Stat()
	return err == nil && os.SameFile(now, was), err
}

// Remove removes the file, if it still is this process's. f may be nil, and Remove called again.
func (f *PIDFile) Remove() {
	if f == nil {
		return
	}
	f.once.Do(func() {
		_ = f.place.Remove(f.info)
		f.file.Close()
		f.place.Close()
	})
}

// FD returns the descriptor that holds the lock, which stays f's. A process that is forked should close it.
func (f *PIDFile) FD() int { return int(f.file.Fd()) }

// ReadPID returns the process id in a file. Its errors say what is wrong for people.
func ReadPID(path string) (int, error) {
	file, err := trustedpath.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("there is no PID file %s: either no pyserve runs with that --pid-file, or it has another path", path)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot read the PID file: %w", err)
	}
	defer file.Close()
	pid, err := parsePID(path, file)
	if err == nil && pid == 0 {
		err = fmt.Errorf("%s holds no process id", path)
	}
	return pid, err
}

// parsePID returns the number in a file, 0 if it is empty.
func parsePID(path string, file *os.File) (int, error) {
	data, err := io.ReadAll(io.LimitReader(file, 64))
	if err != nil {
		return 0, fmt.Errorf("cannot read the PID file: %w", err)
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return 0, nil
	}
	pid, err := strconv.Atoi(text)
	if err != nil || pid < 1 {
		return 0, fmt.Errorf("%s holds no process id", path)
	}
	return pid, nil
}

func lives(pid int) bool { return pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
