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
	// exchange is nil when the application can send nothing more.
	exchange *gateway.Exchange

	// input guards content in the same way, but only for callbacks: the gateway leaves it alone. It has
	// a lock of its own because one thread of the application may read while another one responds.
	input   sync.Mutex
	content *gateway.Input // nil between requests

	generation uint64 // of the thread's last request; the thread's own

	fields [8]httpserver.HeaderField // of the request's first start_response: usually the only one
	taken  bool                      // they are in use

	running  atomic.Uint64         // the handle of the request, 0 between requests. It changes while both locks are held
	panicked atomic.Pointer[error] // a panic in a callback, to go on when the request is back in Go
}

// slots has one entry for each Python thread. It is made once, before the first request.
var slots []slot

// threadShift is where the thread's number stands in a handle. A thread that answers a million requests a second has
// enough generations for nine years.
const threadShift = 48

func slotOf(handle uint64) *slot { return &slots[handle>>threadShift] }

// open begins a request and returns its handle. It leaves s unlocked, for the ps_call to come.
func (s *slot) open(thread int, x *gateway.Exchange) uint64 {
	s.mu.Lock()
	s.input.Lock()
	s.generation++
	s.exchange, s.content, s.taken = x, &x.Input, false
	handle := uint64(thread)<<threadShift | s.generation
	s.running.Store(handle)
	s.input.Unlock()
	s.mu.Unlock()
	return handle
}

// seal takes the response away from the application, which may still read, and unlocks s.mu, which the caller has
// locked. It reports whether a callback has panicked.
func (s *slot) seal() (panicked bool) {
	s.exchange = nil
	s.mu.Unlock()
	return s.panicked.Load() != nil
}

// close ends the request and unlocks s.mu, which the caller has locked: every later use of its handle
// fails. A read of another thread is made to fail. It returns the panic of a callback, nil if there was none.
func (s *slot) close() *error {
	if !s.input.TryLock() {
		s.content.Stop()
		s.input.Lock()
	}
	s.exchange, s.content = nil, nil
	s.running.Store(0)
	panicked := s.panicked.Load()
	if panicked != nil {
		s.panicked.Store(nil)
	}
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
	return s.use(&s.mu, handle, message, func() error { return f(s.exchange) })
}

// useInput calls f with the input of the request of handle when no other thread is in it.
func useInput(handle uint64, message *C.char, f func(in *gateway.Input) error) C.int {
	s := slotOf(handle)
	s.input.Lock()
	return s.use(&s.input, handle, message, func() error { return f(s.content) })
}

// use calls f if the request of handle is not over, and unlocks locked, one of the locks of s. It is the guard of
// every callback: what it returns tells C what to raise.
func (s *slot) use(locked *sync.Mutex, handle uint64, message *C.char, f func() error) (status C.int) {
	defer locked.Unlock()
	if s.running.Load() != handle || locked == &s.mu && s.exchange == nil {
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
	err := f()
	if err != nil {
		putMessage(message, err.Error())
	}
	return statusOf(err)
}
