package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// terminal is the controlling terminal of this process, as far as it sends signals.
type terminal struct {
	nohup  bool // SIGHUP was ignored when this process was started: it is to outlive the terminal
	there  bool // at the last look
	closed time.Time
}

// newTerminal is to be called before signal.Notify.
func newTerminal() *terminal {
	return &terminal{nohup: signal.Ignored(syscall.SIGHUP), there: controlled()}
}

// sends reports whether s, which has just come, is the terminal's news about itself: its size has changed, or, under
// nohup only, it was closed. Otherwise the signal is an order.
func (t *terminal) sends(s os.Signal) bool {
	switch s {
	case syscall.SIGWINCH:
		return controlled()
	case syscall.SIGHUP:
		return t.nohup && t.hungUp()
	}
	return false
}

// hungUp reports whether a SIGHUP that has just come says that the terminal was closed. The kernel and the shell
// may both say so.
func (t *terminal) hungUp() bool {
	const both = time.Second
	was := t.there
	if t.there = controlled(); was && !t.there {
		t.closed = time.Now()
	}
	return !t.there && !t.closed.IsZero() && time.Since(t.closed) < both
}

// controlled reports whether this process has a controlling terminal.
func controlled() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	tty.Close()
	return true
}
