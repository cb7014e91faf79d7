package pyhost

/*
#include "shim.h"
*/
import "C"

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	python3 "github.com/go-python/cpy3"
)

// startDumps prepares crash dumps and DumpStacks. Attached.
func (h *Host) startDumps(file *os.File) error {
	h.crashFile = file // a file that is not referred to is closed
	fd := 2
	if file != nil {
		fd = int(file.Fd())
	}
	start := h.bootstrap.GetAttrString("start_dumps")
	if start == nil {
		return h.takeException()
	}
	defer start.DecRef()
	if C.ps_crash_start(object(start), C.int(fd)) != C.PS_OK {
		return h.takeException()
	}
	return nil
}

// DumpStacks writes the Python stacks of all threads to fd, in faulthandler's form, innermost call first.
// It does not need the GIL, and can be called on any goroutine at any time once Start has returned, also
// while a thread keeps the GIL in C.
//
// A copy of the process does the writing, so that the threads of this one, which run on, disturb nobody; it
// costs what a fork costs. A copy that fails, as the stacks were changing just then, has written a part: the
// error is EFAULT. It is ETIMEDOUT when nobody reads from fd for 5 seconds, or says why there was no copy.
func (h *Host) DumpStacks(fd int) error {
	if errno := C.ps_stacks(C.int(fd)); errno != 0 {
		return fmt.Errorf("the Python stacks could not be written: %w", syscall.Errno(errno))
	}
	return nil
}

// Stack returns where Python thread number thread is, in faulthandler's form. It waits for the GIL until ctx ends; the
// error is that of [Host.Interrupt].
func (h *Host) Stack(ctx context.Context, thread int) (stack string, err error) {
	ident := strconv.FormatUint(h.threads[thread].ident.Load(), 10)
	busy := h.interrupter.withGIL(ctx, func() {
		var result *python3.PyObject
		if result, err = h.callBootstrap("thread_stack", ident); err == nil {
			defer result.DecRef()
			stack = python3.PyUnicode_AsUTF8(result)
		}
	})
	return stack, cmp.Or(busy, err)
}

// ThreadStack returns the part of dump, which DumpStacks or a crash wrote, that is about Python thread
// number thread. If there is none it says so where the dump was cut off, and is "" otherwise.
func (h *Host) ThreadStack(dump string, thread int) string {
	name := fmt.Sprintf("hread 0x%016x ", h.threads[thread].ident.Load()) // "Thread …" or "Current thread …"
	_, stack, found := strings.Cut(dump, name)
	if !found && strings.Contains(dump, "\n...\n") {
		return "(not among the first 100 of the process's threads, which is how many CPython shows without the GIL)\n"
	}
	if !found {
		return ""
	}
	stack, _, _ = strings.Cut(stack, "\n\n")
	return "T" + name + strings.TrimRight(stack, "\n") + "\n"
}
