package main

import (
	"os"
	"sync/atomic"
	"time"

	"github.com/pyserve/pyserve"
)

// How long a worker serves at least before it is replaced because a request was interrupted: this long, and so many times
// as long as it took to start. So a client that knows a URL that hangs cannot have workers start all the time.
const (
	shortestService = 30 * time.Second
	serviceByStart  = 10
)

// retireInterrupted has retire called once when a request was interrupted: the exception may have come between the taking
// of a lock and the code that releases it, and the next request that wants the lock waits forever. begun must be called
// when the worker, whose process started at that time, begins to serve.
func retireInterrupted(started time.Time, o *pyserve.Options, retire func(reason string)) (begun func()) {
	var serving atomic.Pointer[time.Time]
	var told atomic.Bool
	o.Interrupted = func() {
		if told.Swap(true) {
			return
		}
		wait := shortestService
		if began := serving.Load(); began != nil {
			wait = max(shortestService, serviceByStart*began.Sub(started)) - time.Since(*began)
		}
		if wait > 0 {
			say("worker %d: a request was interrupted and may have left a lock held: a successor takes over in %v",
				os.Getpid(), wait.Round(time.Second))
			time.Sleep(wait)
		}
		retire("a request was interrupted and may have left a lock held")
	}
	return func() {
		now := time.Now()
		serving.Store(&now)
	}
}
