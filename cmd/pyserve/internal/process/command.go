//go:build linux

package process

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
)

// A Command is how to start the program once more.
type Command struct {
	// Path is the program's file, Args its arguments with its name, Env its environment: of two values for the same
	// name the last one counts.
	Path string
	Args []string
	Env  []string
	// Dir is the folder it is started in; "" is ours.
	Dir string
	// Credential is whom it is to run as; nil is as we do. If it cannot, it does not start.
	Credential *syscall.Credential
}

// Running is the Path of the program that is running, even after another file was put in its place (proc(5)).
const Running = "/proc/self/exe"

// firstFD is the number of the first inherited descriptor in the new process.
const firstFD = 3

// Start starts a process that inherits copies of fds, named by template in handover.Variable. The descriptors are handed over as they are: os/exec would make them, and so all that share them, blocking.
func (c Command) Start(template string, fds []int) (Handle, error) {
	files := []uintptr{0, 1, 2}
	for _, fd := range fds {
		files = append(files, uintptr(fd))
	}
	env := slices.DeleteFunc((&exec.Cmd{Env: c.Env}).Environ(), func(entry string) bool { return strings.HasPrefix(entry, handover.Variable+"=") })
	h := Handle{FD: -1}
	var err error
	h.PID, err = syscall.ForkExec(c.Path, c.Args, &syscall.ProcAttr{
		Dir: c.Dir, Env: append(env, handover.Variable+"="+handover.Fill(template, firstFD, len(fds))), Files: files,
		Sys: &syscall.SysProcAttr{Credential: c.Credential, PidFD: &h.FD},
	})
	if err != nil {
		return Handle{FD: -1}, fmt.Errorf("cannot start %s%s: %w", c.Path, c.as(), err)
	}
	return h, nil
}

func (c Command) as() string {
	if c.Credential == nil {
		return ""
	}
	return fmt.Sprintf(" as user %d and group %d", c.Credential.Uid, c.Credential.Gid)
}
