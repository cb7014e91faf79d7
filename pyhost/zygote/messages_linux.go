package zygote

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The application has run in the zygote, and may run on there in threads: what comes from it is not trusted. A message
// that may not come, or not now, ends the zygote and nothing else, and no number is taken for a process of
// the zygote's that is not.

// endPatience is how long the news of a worker's end may take that was gone when its start was reported.
const endPatience = 10 * time.Second

func strange(kind byte, text string) error {
	return fmt.Errorf("it has sent a message that is out of place: %.100q", string(kind)+text)
}

// handleMessage does what one message asks for. The error says that the message may not be.
func (z *Zygote) handleMessage(kind byte, text string) error {
	switch {
	case kind == 'r' && !z.imported():
		if text != "" {
			z.threads = strings.Split(text, "\n")
		}
		close(z.ready)
	case kind == 'f' && !z.imported():
		parts := append(strings.SplitN(text, "\x00", 3), "", "")
		z.failure = &ImportError{parts[0], parts[1], parts[2]}
		close(z.ready)
	case kind == 's' && z.answered():
		child, err := z.adopt(text)
		if err != nil {
			return err
		}
		z.answers <- answer{child: child}
	case kind == 'e' && z.answered():
		z.answers <- answer{err: fmt.Errorf("the zygote cannot fork: %s", text)}
	case kind == 'x':
		return z.childEnded(text)
	default:
		return strange(kind, text)
	}
	return nil
}

// answered reports whether a Spawn waits, for one answer.
func (z *Zygote) answered() (yes bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	yes, z.asked = z.asked && z.imported(), false
	return yes
}

// adopt makes a Child of a number, if it is that of a child of the zygote.
func (z *Zygote) adopt(text string) (*Child, error) {
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 1 || pid == z.PID() {
		return nil, strange('s', text)
	}
	child := &Child{pid: pid, fd: -1, ended: make(chan struct{})}
	fd, err := unix.PidfdOpen(pid, 0)
	switch {
	case err == nil:
		child.fd = fd
	case errors.Is(err, unix.ENOSYS): // before Linux 5.3: the number has to do
	case errors.Is(err, unix.ESRCH): // it has ended already; the next message says so
		time.AfterFunc(endPatience, func() { z.missEnd(child) })
	default:
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	if !errors.Is(err, unix.ESRCH) && parent(pid) != z.PID() {
		child.closeHandle()
		return nil, strange('s', text)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.children[pid] != nil {
		child.closeHandle()
		return nil, strange('s', text)
	}
	z.children[pid] = child
	return child, nil
}

// missEnd gives the zygote up if it has not reported the end of a worker that had ended long ago.
func (z *Zygote) missEnd(child *Child) {
	select {
	case <-child.ended:
	default:
		z.giveUp(fmt.Errorf("it has not reported the end of process %d", child.pid))
	}
}

// parent returns the number of a process's parent (proc(5)), 0 if it is not known.
func parent(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:]) // the name before may hold anything
	if len(fields) < 2 {
		return 0
	}
	ppid, _ := strconv.Atoi(string(fields[1]))
	return ppid
}

func (z *Zygote) childEnded(text string) error {
	first, second, _ := strings.Cut(text, " ")
	pid, err := strconv.Atoi(first)
	status, failed := strconv.ParseUint(second, 10, 16)
	z.mu.Lock()
	defer z.mu.Unlock()
	child := z.children[pid]
	if child == nil || err != nil || failed != nil {
		return strange('x', text)
	}
	delete(z.children, pid)
	child.exited(syscall.WaitStatus(status), nil)
	z.endIfIdle()
	return nil
}

// giveUp ends the zygote for what it has done.
func (z *Zygote) giveUp(fault error) {
	z.mu.Lock()
	if z.fault == nil {
		z.fault = fault
	}
	z.mu.Unlock()
	z.kill()
}

// Child is a worker: a process that the zygote forked.
type Child struct {
	pid    int
	fd     int // a pidfd, or -1
	ended  chan struct{}
	status syscall.WaitStatus // set, as is err, before ended is closed
	err    error
}

// PID returns the worker's process id.
func (c *Child) PID() int { return c.pid }

// Handle returns a pidfd of the worker, -1 if there is none. It is the caller's.
func (c *Child) Handle() int { return c.fd }

func (c *Child) closeHandle() {
	if c.fd >= 0 {
		unix.Close(c.fd)
	}
}

// Wait returns the worker's status when it has ended, or an error that wraps ErrEnded when the zygote ended first, and with it the
// news of its workers, which may live on.
func (c *Child) Wait() (syscall.WaitStatus, error) {
	<-c.ended
	return c.status, c.err
}

func (c *Child) exited(status syscall.WaitStatus, err error) {
	c.status, c.err = status, err
	close(c.ended)
}
