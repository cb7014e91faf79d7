package pyhost

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
)

// thread is what Go knows of one Python thread: an OS thread with one PyThreadState for life.
type thread struct {
	host *Host
	slot *slot
	body body
	// ident is what Python and its dumps call the thread.
	ident atomic.Uint64
}

// Go runs f on a new OS thread that has room for Python: a stack of 8 MiB, whatever the limits of the
// process say. f is locked to the thread, which ends when f returns.
func Go(f func()) error {
	threadMains.Lock()
	threadMains.last++
	id := threadMains.last
	threadMains.waiting[id] = f
	threadMains.Unlock()
	if errno := C.ps_thread_start(C.uintptr_t(id)); errno != 0 {
		takeThreadMain(id)
		return fmt.Errorf("cannot start an OS thread: %w", syscall.Errno(errno))
	}
	return nil
}

// threadMains are the functions that new threads are about to run.
var threadMains = struct {
	sync.Mutex
	last    uintptr
	waiting map[uintptr]func()
}{waiting: make(map[uintptr]func())}

func takeThreadMain(id uintptr) func() {
	threadMains.Lock()
	defer threadMains.Unlock()
	f := threadMains.waiting[id]
	delete(threadMains.waiting, id)
	return f
}

// StartThreads starts the threads that requests run on, each on an OS thread of its own, and runs work(i) on each,
// not attached. A thread ends when work returns. If there is to be one only, it starts none: that is Python's main
// thread. On an error none is left running, and StartThreads may be called again. It can be called on any thread.
func (h *Host) StartThreads(work func(thread int)) error {
	if len(h.threads) == 1 {
		return nil
	}
	entered := make(chan error, len(h.threads))
	proceed := make(chan struct{})
	var err error
	for i := range h.threads {
		h.running.Add(1)
		failure := Go(func() {
			defer h.running.Done()
			failure := h.attachThread(i)
			entered <- failure
			if failure != nil {
				return
			}
			defer C.ps_thread_leave()
			if <-proceed; err == nil {
				work(i)
			}
		})
		if failure != nil {
			h.running.Done()
			entered <- failure
		}
	}
	for range h.threads {
		err = errors.Join(err, <-entered)
	}
	close(proceed)
	return err
}

// WaitThreads returns when the threads that StartThreads started have ended.
func (h *Host) WaitThreads() { h.running.Wait() }

// attachThread makes the calling thread a Python thread, not attached, unless there is an error.
func (h *Host) attachThread(i int) error {
	if C.ps_thread_enter() != C.PS_OK {
		return fmt.Errorf("Python thread %d does not start: out of memory", i)
	}
	h.threads[i].ident.Store(uint64(C.ps_thread_ident()))
	result, err := h.callBootstrap("name_thread", fmt.Sprintf("pyserve-%d", i))
	release(result)
	C.ps_detach()
	if err != nil {
		C.ps_thread_leave()
	}
	return err
}

// Threads returns the number of threads that requests run on.
func (h *Host) Threads() int { return len(h.threads) }

// Opened and Closed inform the host of a descriptor that a process forked by the application must close.
func (h *Host) Opened(fd int) { C.ps_fd_opened(C.int(fd)) }

// Closed is called before the descriptor is closed.
func (h *Host) Closed(fd int) { C.ps_fd_closed(C.int(fd)) }

// GILHeld reports whether one of the Python threads holds the GIL this moment. Where that cannot be known it
// returns false. It never waits, and can be called on any thread once Start has returned.
func GILHeld() bool { return C.ps_gil_held() != 0 }
