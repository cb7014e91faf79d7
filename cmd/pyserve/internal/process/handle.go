//go:build linux

package process

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Handle is a process. With a pidfd it stays that one process, whatever becomes of its number.
type Handle struct {
	PID int
	FD  int // a pidfd, or -1 where the kernel has none (before Linux 5.4)
}

// signal sends a signal. Without a pidfd the caller sees to it that the process is not reaped meanwhile.
func (h Handle) signal(s syscall.Signal) error {
	err := os.NewSyscallError("pidfd_send_signal", unix.PidfdSendSignal(max(h.FD, 0), s, nil, 0))
	if h.FD < 0 {
		err = os.NewSyscallError("kill", syscall.Kill(h.PID, s))
	}
	return err
}

// wait returns when a child has ended. It is not reaped, so that its number stays its own.
func (h Handle) wait() error {
	for {
		if err := unix.Waitid(unix.P_PID, h.PID, nil, unix.WEXITED|unix.WNOWAIT, nil); err != unix.EINTR {
			return os.NewSyscallError("waitid", err)
		}
	}
}

// reap returns the status of a child that has ended, and waits for that if it has not.
func (h Handle) reap() (status syscall.WaitStatus, err error) {
	for {
		_, err = syscall.Wait4(h.PID, &status, 0, nil)
		if err != syscall.EINTR {
			return status, os.NewSyscallError("wait4", err)
		}
	}
}

func (h Handle) close() {
	if h.FD >= 0 {
		unix.Close(h.FD)
	}
}
