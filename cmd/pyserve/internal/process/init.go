//go:build linux

package process

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// NeedsInit reports whether processes whose parents have died become this process's children: it is process 1, of a
// container say, or a subreaper (prctl(2)). Nobody else can reap them then.
func NeedsInit() bool {
	var subreaper int32
	// The kernel writes an int.
	err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&subreaper)), 0, 0, 0)
	return os.Getpid() == 1 || err == nil && subreaper != 0
}

// forwarded are the signals that Init passes on: those that mean something to a server.
var forwarded = []os.Signal{
	unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGTTIN, unix.SIGTTOU, unix.SIGWINCH,
}

// Init runs command, with so many descriptors from 3 on, in a child, passes signals on to it, reaps whoever becomes this
// process's child, and returns the exit code for this process when the child has ended.
//
// The child has a process group of its own, in the foreground of the terminal if standard input is one: what the terminal
// sends is not to reach it twice.
func Init(command Command, descriptors int) (exitCode int, err error) {
	signals := make(chan os.Signal, 32)
	signal.Notify(signals, forwarded...)
	files := []uintptr{0, 1, 2}
	for i := range descriptors {
		files = append(files, uintptr(firstFD+i))
	}
	_, notTerminal := unix.IoctlGetTermios(0, unix.TCGETS)
	main, err := syscall.ForkExec(command.Path, command.Args, &syscall.ProcAttr{
		Env: command.Env, Files: files, Sys: &syscall.SysProcAttr{Setpgid: true, Foreground: notTerminal == nil},
	})
	if err != nil {
		return 0, fmt.Errorf("cannot start %s: %w", command.Path, err)
	}
	go func() {
		for s := range signals {
			_ = unix.Kill(main, s.(syscall.Signal)) // the number is not another's before it was reaped, which ends this process
		}
	}()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, os.NewSyscallError("wait4", err)
		case pid == main && status.Signaled():
			return 128 + int(status.Signal()), nil // as shells have it
		case pid == main:
			return status.ExitStatus(), nil
		}
	}
}
