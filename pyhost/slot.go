package pyhost

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/pyserve/pyserve/gateway"
)

// slot is what a handle refers to: the request that a Python thread is busy with. A handle is the
// thread's number and a generation, so that one kept beyond its request is found out, and C never holds a
// pointer into Go.
type slot struct {
	mu         sync.Mutex // held while a callback uses exchange; the callback may be on any thread
	generation uint32
	exchange   *gateway.Exchange // nil between requests
	panicked   error             // a panic in a callback, to go on when the request is back in Go
}

// slots has one entry for each Python thread. It is made once, before the first request.
var slots []slot

func slotOf(handle uint64) *slot { return &slots[handle>>32] }

// open begins a request and returns its handle.
func (s *slot) open(thread int, x *gateway.Exchange) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	s.exchange = x
	return uint64(thread)<<32 | uint64(s.generation)
}

// close ends the request: every later use of its handle fails. It waits for a callback that another
// thread is in. It returns the panic of a callback, if there was one.
func (s *slot) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.panicked
	s.exchange, s.panicked = nil, nil
	return err
}

func lockAndUse(handle uint64, message *C.char, f func(x *gateway.Exchange) error) C.int {
	s := slotOf(handle)
	s.mu.Lock()
	return s.use(handle, message, f)
}

// use calls f with the request of handle, and unlocks s, which the caller has locked. It is the guard of
// every callback: what it returns tells C what to raise.
func (s *slot) use(handle uint64, message *C.char, f func(x *gateway.Exchange) error) (status C.int) {
	defer s.mu.Unlock()
	if s.exchange == nil || uint32(handle) != s.generation {
		return C.PS_STALE
	}
	defer func() {
		if p := recover(); p != nil {
			s.panicked = fmt.Errorf("panic in a callback: %v\n%s", p, debug.Stack())
			putMessage(message, "pyserve: internal error; the server's log has more")
			status = C.PS_PANIC
		}
	}()
	err := f(s.exchange)
	if err != nil {
		putMessage(message, err.Error())
	}
	return statusOf(err)
}

var errNotRunning = errors.New("the Python host is not running")
