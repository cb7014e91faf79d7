package pyhost

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
)

// slot is what a handle refers to: the request that a Python thread is busy with. A handle is the
// thread's number and a generation, so that one kept beyond its request is found out, and C never holds a
// pointer into Go.
type slot struct {
	// mu guards the response. A callback, which may be on any thread, holds it while it uses exchange; and so
	// does the request's own thread whenever it is in Go and not in a ps_* function, as the gateway uses the
	// exchange then.
	mu sync.Mutex
	// input guards exchange.Input in the same way, but only for callbacks: the gateway leaves it alone. It has
	// a lock of its own because one thread of the application may read while another one responds.
	input sync.Mutex

	// To write the next two takes both locks, to read them one of them.
	generation uint32
	exchange   *gateway.Exchange // nil between requests

	fields [8]httpserver.HeaderField // of the request's first start_response: usually the only one
	taken  bool                      // they are in use

	running  atomic.Uint64         // the handle of the request, 0 between requests
	panicked atomic.Pointer[error] // a panic in a callback, to go on when the request is back in Go
}

// slots has one entry for each Python thread. It is made once, before the first request.
var slots []slot

func slotOf(handle uint64) *slot { return &slots[handle>>32] }

// open begins a request and returns its handle. It leaves s unlocked, for the ps_call to come.
func (s *slot) open(thread int, x *gateway.Exchange) uint64 {
	s.mu.Lock()
	s.input.Lock()
	s.generation++
	s.exchange, s.taken = x, false
	handle := uint64(thread)<<32 | uint64(s.generation)
	s.running.Store(handle)
	s.input.Unlock()
	s.mu.Unlock()
	return handle
}

// close ends the request and unlocks s.mu, which the caller has locked: every later use of its handle
// fails. It waits for another thread that reads. It returns the panic of a callback, nil if there was none.
func (s *slot) close() *error {
	s.input.Lock()
	s.exchange = nil
	s.running.Store(0)
	panicked := s.panicked.Swap(nil)
	s.input.Unlock()
	s.mu.Unlock()
	return panicked
}

// takeFields returns room for header fields, which is the exchange's until the request's end. s.mu is held.
func (s *slot) takeFields() []httpserver.HeaderField {
	if s.taken {
		return nil
	}
	s.taken = true
	return s.fields[:0]
}

// useResponse calls f with the request of handle when no other thread is in its response.
func useResponse(handle uint64, message *C.char, f func(x *gateway.Exchange) error) C.int {
	s := slotOf(handle)
	s.mu.Lock()
	return s.use(&s.mu, handle, message, f)
}

// useInput calls f with the input of the request of handle when no other thread is in it.
func useInput(handle uint64, message *C.char, f func(in *gateway.Input) error) C.int {
	s := slotOf(handle)
	s.input.Lock()
	return s.use(&s.input, handle, message, func(x *gateway.Exchange) error { return f(&x.Input) })
}

// use calls f with the request of handle, and unlocks locked, one of the locks of s. It is the guard of
// every callback: what it returns tells C what to raise.
func (s *slot) use(locked *sync.Mutex, handle uint64, message *C.char, f func(x *gateway.Exchange) error) (status C.int) {
	defer locked.Unlock()
	if s.exchange == nil || uint32(handle) != s.generation {
		return C.PS_STALE
	}
	defer func() {
		if p := recover(); p != nil {
			err := fmt.Errorf("panic in a callback: %v\n%s", p, debug.Stack())
			s.panicked.Store(&err)
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
