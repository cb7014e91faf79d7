package pyhost

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// signals is what the Host does about them.
type signals struct {
	pipe   [2]int        // CPython writes to the second end when a signal has come that has a handler in Python
	read   *os.File      // the first one
	warned atomic.Uint64 // about these, a bit set of 1 << number
	busy   atomic.Bool   // there was a request since the last look
}

// open makes the pipe.
func (s *signals) open() error {
	syscall.ForkLock.RLock()
	err := syscall.Pipe(s.pipe[:])
	if err == nil {
		syscall.CloseOnExec(s.pipe[0])
		syscall.CloseOnExec(s.pipe[1])
	}
	syscall.ForkLock.RUnlock()
	if err == nil {
		err = errors.Join(syscall.SetNonblock(s.pipe[0], true), syscall.SetNonblock(s.pipe[1], true))
	}
	if err != nil {
		return fmt.Errorf("there is no pipe for signals: %w", err)
	}
	s.read = os.NewFile(uintptr(s.pipe[0]), "signals")
	return nil
}

// outliveBrokenPipes has a thread that writes where nobody reads, or more than a file may hold, get an error: the
// signals would end the process if the thread is not one of Go's. A program that ignores them has done so already.
func outliveBrokenPipes() {
	for _, s := range []os.Signal{syscall.SIGPIPE, syscall.SIGXFSZ} {
		if !signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}

// How often signals are looked after. A handler may be the wrong one for so long; and so long may a pending call wait, of
// which nothing announces, and a signal whose byte goes to a wakeup descriptor of the application's.
const (
	busyInterval = 250 * time.Millisecond // while there are requests
	idleInterval = time.Second
)

// WatchSignals looks after signals until done is closed. What the application changes of those that the server uses it
// puts back. It calls wake, which is to have [Host.RunPending] called on Python's main thread, when a signal has come
// that has a handler in Python, and at each look. It returns immediately, and is to be called once.
func (h *Host) WatchSignals(done <-chan struct{}, wake func()) {
	pending := make(chan struct{}, 1)
	go func() {
		for range pending {
			wake()
		}
	}()
	go func() {
		defer close(pending)
		for buffer := make([]byte, 512); ; {
			h.warnOfSignals(uint64(C.ps_signals_check(ignoredSignals())))
			h.signals.rest()
			for err := error(nil); err == nil; _, err = h.signals.read.Read(buffer) {
				select {
				case <-done:
					return
				case pending <- struct{}{}:
				default:
				}
			}
		}
	}()
}

// rest sets the time for the next look, which ends a read from the pipe.
func (s *signals) rest() {
	if s.busy.Swap(false) {
		s.lookIn(busyInterval)
		return
	}
	s.lookIn(idleInterval)
	if s.busy.Load() { // since then
		s.lookIn(busyInterval)
	}
}

func (s *signals) lookIn(d time.Duration) { _ = s.read.SetReadDeadline(time.Now().Add(d)) }

// request says that there is one: the application may change signals in it.
func (s *signals) request() {
	if !s.busy.Load() && s.busy.CompareAndSwap(false, true) {
		s.lookIn(busyInterval)
	}
}

// RunPending runs the Python handlers of signals that have come, and what extensions have queued by Py_AddPendingCall.
// An exception of theirs, SystemExit included, is logged. From then on signals are noticed immediately, if the application
// has no wakeup descriptor of its own. It must be called on Python's main thread, not attached.
func (h *Host) RunPending() {
	C.ps_attach()
	defer C.ps_detach()
	for C.ps_run_pending() == C.PS_EXCEPTION {
		h.logHandler(h.takeException())
	}
	result, err := h.callBootstrap("be_woken", strconv.Itoa(h.signals.pipe[1]))
	release(result)
	if err != nil {
		h.logHandler(err)
	}
}

// logHandler logs what came out of a handler.
func (h *Host) logHandler(err error) {
	text := ""
	var e *Error
	if errors.As(err, &e) {
		text = e.Traceback()
	}
	h.log.Error("exception in a signal handler of the application", "error", err, "traceback", text)
}

// ignoredSignals is the set of the signals that this program ignores.
func ignoredSignals() (set C.uint64_t) {
	for number := syscall.Signal(1); number < 64; number++ {
		if signal.Ignored(number) {
			set |= 1 << number
		}
	}
	return set
}

// warnOfSignals names once each signal that the application wanted.
func (h *Host) warnOfSignals(changed uint64) {
	fresh := changed &^ h.signals.warned.Or(changed)
	for number := syscall.Signal(1); number < 64; number++ {
		if fresh&(1<<number) != 0 {
			h.log.Warn("the application changed the handler of a signal that the server uses; it was put back", "signal", number.String())
		}
	}
}
