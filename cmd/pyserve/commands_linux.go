package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/process"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
	"github.com/pyserve/pyserve/pyhost"
)

// control does what the commands reload, stop and status say, for people who do not remember signals. It returns
// the exit code.
func control(c *cli, command string) int {
	if err := c.faulty(); err != nil {
		return usage(err)
	}
	if c.PidFile == "" {
		return usage(fmt.Errorf("pyserve %s needs --pid-file: the one that the server was started with", command))
	}
	c.absolutePaths()
	pid, err := process.ReadPID(c.PidFile)
	if err == nil {
		err = map[string]func(*cli, addressee) error{"reload": reloadAndWait, "stop": stopAndWait, "status": printStatus}[command](c, newAddressee(pid))
	}
	if err != nil {
		return failure(err)
	}
	return exitOK
}

// poll is how often a command looks whether what it waits for has happened.
const poll = 20 * time.Millisecond

// An addressee is the process that a PID file names.
type addressee struct {
	pid int
	fd  int // a pidfd, so that it stays this process whatever becomes of the number; or -1
	err error
}

func newAddressee(pid int) addressee {
	fd, err := unix.PidfdOpen(pid, 0)
	return addressee{pid, fd, err}
}

// check reports an error if there is no such process, or it is not a pyserve: a PID file that was left behind may name
// anybody's process.
func (a addressee) check() error {
	if errors.Is(a.err, unix.ESRCH) {
		return fmt.Errorf("there is no process %d: the server has ended and left its PID file behind", a.pid)
	}
	if a.err != nil {
		return os.NewSyscallError("pidfd_open", a.err)
	}
	if _, err := askStatus(a.pid); err != nil && !sameProgram(a.pid) {
		return err
	}
	return nil
}

func reloadAndWait(_ *cli, a addressee) error {
	if err := a.check(); err != nil {
		return err
	}
	before, err := askStatus(a.pid)
	if err != nil {
		return err
	}
	if err := a.send(syscall.SIGHUP); err != nil {
		return err
	}
	for ; ; time.Sleep(poll) {
		now, err := askStatus(a.pid)
		switch {
		case err != nil:
			return fmt.Errorf("the server is gone: %w", err)
		case now.Failed > before.Newest:
			return errors.New("the new code could not be started, and the old one goes on: the server's log has more")
		case now.Generation > before.Newest && now.State == supervise.Ready:
			fmt.Printf("%s ready with the new code, generation %d\n", count(now.Serving, "worker"), now.Generation)
			return nil
		case now.State == supervise.Stopping:
			return errors.New("the server is stopping")
		}
	}
}

func stopAndWait(_ *cli, a addressee) error {
	if err := a.check(); err != nil {
		return err
	}
	if err := a.send(syscall.SIGTERM); err != nil {
		return err
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(a.fd), Events: unix.POLLIN}}, -1)
		if err != unix.EINTR {
			return os.NewSyscallError("poll", err)
		}
	}
}

// sameProgram reports whether the process runs a program with the name of this one: a server without workers reports no
// status.
func sameProgram(pid int) bool {
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	ours, failed := os.Executable()
	if err != nil || failed != nil || filepath.Base(theirs) != filepath.Base(ours) {
		return false
	}
	return !pyhost.Extension || runsPyserve(pid)
}

// runsPyserve reports whether an interpreter was started for pyserve: by its command line, or by the title that it has.
func runsPyserve(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.Contains(string(line), "pyserve")
}

func (a addressee) send(s syscall.Signal) error {
	switch err := unix.PidfdSendSignal(a.fd, s, nil, 0); {
	case errors.Is(err, syscall.ESRCH):
		return fmt.Errorf("there is no process %d: the server has ended and left its PID file behind", a.pid)
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("process %d is another user's: do this as that user, or as root", a.pid)
	default:
		return err
	}
}

func printStatus(c *cli, a addressee) error {
	s, err := askStatus(a.pid)
	if err != nil {
		return err
	}
	if c.Status.JSON {
		text, err := json.MarshalIndent(s, "", "  ")
		fmt.Println(visibleJSON(string(text)))
		return err
	}
	fmt.Printf("pyserve %s, process %d, serves %s on %s\n", visible(s.Version), s.PID, visible(s.App), visible(s.Listening))
	fmt.Printf("%s, generation %d, %d of %s ready\n\n", visible(string(s.State)), s.Generation, s.Serving, count(s.Wanted, "worker"))
	fmt.Printf("%-7s %-8s %-10s %-9s %10s %12s %6s %10s %8s %9s %7s %9s\n",
		"worker", "process", "generation", "state", "for", "connections", "busy", "requests", "refused", "timed out", "failed", "p99")
	for i, w := range s.Workers {
		n := s.Counts[i]
		fmt.Printf("%-7d %-8d %-10d %-9s %10s %12d %6d %10d %8d %9d %7d %9s\n", w.Slot, w.PID, w.Generation, visible(string(w.State)),
			time.Since(w.Since).Round(time.Second), n.Counters["connections"], n.Counters["threads_busy"], n.Counters["requests"],
			n.Counters["refused"], n.Counters["timed_out"], n.Counters["failed"], milliseconds(n.Duration.P99))
		for _, r := range n.InRequests {
			fmt.Printf("        %s\n", visible(r))
		}
	}
	fmt.Printf("\nsince the start: %d requests, half of them within %s, 99 of 100 within %s; workers replaced: %s\n",
		s.Total.Counters["requests"], milliseconds(s.Total.Duration.P50), milliseconds(s.Total.Duration.P99), causes(s.Replaced))
	return nil
}

// milliseconds shows a time in seconds.
func milliseconds(seconds float64) string { return fmt.Sprintf("%.3g ms", 1000*seconds) }

// causes shows how often workers were replaced, and why.
func causes(replaced map[string]int) string {
	var parts []string
	for _, cause := range slices.Sorted(maps.Keys(replaced)) {
		parts = append(parts, fmt.Sprintf("%s %d", visible(cause), replaced[cause]))
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}
