package pyhost

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of [Host.Interrupt].
var (
	// ErrRequestOver means that there was nothing to interrupt: the application is through with the request.
	ErrRequestOver = errors.New("the request is over")
	// ErrGILBusy means that a thread kept the GIL all the time: it is stuck in C, and no Python code runs.
	ErrGILBusy = errors.New("the GIL could not be had")
)

// onInterrupt is Config.Interrupted.
var onInterrupt atomic.Pointer[func()]

// interrupter has a thread with a PyThreadState of its own, as who wants something of
// another thread must not be the one that waits for the GIL. The thread starts with the first interrupt and lasts as long as the process.
type interrupter struct {
	start   sync.Once
	failure error // why the thread did not start
	orders  chan *gilOrder
}

// gilOrder is one order to the interrupter.
type gilOrder struct {
	do      func()
	settled atomic.Bool // by the interrupter, which has the GIL, or by the caller, who has given up
	done    chan struct{}
}

// Running returns the number of the request that Python thread number thread is in, from the call of the
// application to its end, sending included, or 0. A number is not used again in the life of the process.
// It never waits, and can be called on any goroutine.
func (h *Host) Running(thread int) uint64 { return h.threads[thread].slot.running.Load() }

// Interrupt raises pyserve.RequestTimeout in the thread that runs the request with that number (see
// [Host.Running]), and in no later request. It derives from BaseException; the application sees it as soon as it
// runs Python code again, so not while it waits in C, and not at all if it ends the request before that. It
// can catch it, and be interrupted again. What comes out of [App.Call] is an [Error] whose Timeout is true.
//
// It can be called on any goroutine. It waits for the GIL until ctx ends. The error is [ErrRequestOver], or
// wraps [ErrGILBusy] and the cause of ctx's end, or says that a thread could not be started.
func (h *Host) Interrupt(ctx context.Context, request uint64) error {
	return h.interrupt(ctx, request, C.PS_TIMED_OUT)
}

// InterruptForShutdown is Interrupt with pyserve.ServerShutdown, which derives from pyserve.RequestTimeout.
func (h *Host) InterruptForShutdown(ctx context.Context, request uint64) error {
	return h.interrupt(ctx, request, C.PS_SHUT_DOWN)
}

func (h *Host) interrupt(ctx context.Context, request uint64, why C.ps_interruption) error {
	for {
		status := C.int(C.PS_OK)
		err := h.interrupter.withGIL(ctx, func() { status = C.ps_interrupt(C.uint64_t(request), why) })
		switch {
		case err != nil:
			return err
		case status == C.PS_OK:
			return nil
		case status != C.PS_BUSY:
			return ErrRequestOver
		}
		time.Sleep(time.Millisecond) // it starts a thread, which will have an ident of its own
	}
}

// withGIL has do run on the interrupter's thread, attached. The error wraps ErrGILBusy if do was not called.
func (i *interrupter) withGIL(ctx context.Context, do func()) error {
	i.start.Do(func() {
		i.orders = make(chan *gilOrder)
		i.failure = Go(i.work)
	})
	if i.failure != nil {
		return i.failure
	}
	order := &gilOrder{do: do, done: make(chan struct{})}
	select {
	case i.orders <- order:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrGILBusy, context.Cause(ctx))
	}
	select {
	case <-order.done:
	case <-ctx.Done():
		if order.settled.CompareAndSwap(false, true) {
			return fmt.Errorf("%w: %w", ErrGILBusy, context.Cause(ctx))
		}
		<-order.done // it has the GIL
	}
	return nil
}

// work is the interrupter's thread.
func (i *interrupter) work() {
	for entered := false; ; {
		order := <-i.orders
		if entered {
			C.ps_attach()
		} else if C.ps_thread_enter() != C.PS_OK {
			continue // out of memory: the caller gives up by and by, and the next order tries again
		}
		entered = true
		if order.settled.CompareAndSwap(false, true) {
			order.do()
			close(order.done)
		}
		C.ps_detach()
	}
}
