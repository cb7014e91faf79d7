//go:build unix

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// WritePID makes the file path hold this process's id, at once and as a whole. If it holds that of another one
// that lives it is an error, unless that is except, whom this process replaces.
func WritePID(path string, except int) error {
	if pid, err := ReadPID(path); err == nil && pid != os.Getpid() && pid != except && lives(pid) {
		return fmt.Errorf("the PID file %s is that of process %d, which is running: stop it, or choose another file", path, pid)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".pyserve-pid-")
	if err == nil {
		_, err = fmt.Fprintln(temporary, os.Getpid())
		err = errors.Join(err, temporary.Chmod(0o644), temporary.Close())
		if err == nil {
			err = os.Rename(temporary.Name(), path)
		}
		if err != nil {
			os.Remove(temporary.Name())
		}
	}
	if err != nil {
		return fmt.Errorf("cannot write the PID file: %w", err)
	}
	return nil
}

// RemovePID removes the file if it still holds this process's id.
func RemovePID(path string) {
	if pid, err := ReadPID(path); err == nil && pid == os.Getpid() {
		os.Remove(path)
	}
}

// ReadPID returns the process id in a file. Its errors say what is wrong for people.
func ReadPID(path string) (int, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("there is no PID file %s: either no pyserve runs with that --pid-file, or it has another path", path)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot read the PID file: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("%s holds no process id", path)
	}
	return pid, nil
}

func lives(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
