package pyhost

/*
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"io"
	"unsafe"

	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
)

// This file holds every Go function that C calls. Each finds its request by handle, does one thing, and
// returns a status of shim.h; a panic does not cross into C.

//export goThreadMain
func goThreadMain(id C.uintptr_t) {
	takeThreadMain(uintptr(id))()
}

//export goStartResponse
func goStartResponse(handle C.uint64_t, packed *C.char, size C.size_t, excInfo, wait C.int, message *C.char) C.int {
	s := slotOf(uint64(handle))
	if wait != 0 {
		s.mu.Lock()
	} else if !s.mu.TryLock() {
		return C.PS_BUSY
	}
	return s.use(&s.mu, uint64(handle), message, func() error {
		status, fields := unpackHead(string(view(packed, size)), s.takeFields())
		return s.exchange.StartResponse(status, fields, excInfo != 0)
	})
}

//export goWrite
func goWrite(handle C.uint64_t, data *C.char, size C.size_t, message *C.char) C.int {
	return useResponse(uint64(handle), message, func(x *gateway.Exchange) error {
		return x.Write(view(data, size))
	})
}

//export goOver
func goOver(handle C.uint64_t) C.int {
	if slotOf(uint64(handle)).running.Load() != uint64(handle) {
		return 1
	}
	return 0
}

//export goInterrupted
func goInterrupted() {
	defer func() { _ = recover() }()
	(*onInterrupt.Load())()
}

//export goDisconnected
func goDisconnected(handle C.uint64_t) C.int {
	s := slotOf(uint64(handle))
	if !s.mu.TryLock() {
		return 0 // somebody is writing to the client this very moment
	}
	answer := C.int(0)
	status := s.use(&s.mu, uint64(handle), nil, func() error {
		if s.exchange.Disconnected() {
			answer = 1
		}
		return nil
	})
	if status != C.PS_OK {
		return status
	}
	return answer
}

//export goInputRead
func goInputRead(handle C.uint64_t, buffer *C.char, size C.size_t, what C.ps_reading, n *C.size_t, left *C.int64_t, message *C.char) C.int {
	return useInput(uint64(handle), message, func(in *gateway.Input) (err error) {
		count, done := 0, false
		switch p := view(buffer, size); what {
		case C.PS_ALL:
			count, err = in.Read(p)
		case C.PS_SOME:
			count, err = in.ReadSome(p)
		case C.PS_LINE:
			count, done, err = in.ReadLine(p)
		}
		*n, *left = C.size_t(count), C.int64_t(in.Remaining())
		switch {
		case done:
			*left = 0
		case what == C.PS_LINE && *left > 0:
			*left = -1 // of the line
		}
		return inputError(err)
	})
}

// What goInputSeek takes for whence besides io.SeekStart and its kin (input.c).
const (
	whenceTell     = -1
	whenceSeekable = -2
)

//export goInputSeek
func goInputSeek(handle C.uint64_t, offset C.int64_t, whence C.int, position *C.int64_t, message *C.char) C.int {
	return useInput(uint64(handle), message, func(in *gateway.Input) (err error) {
		at := in.Tell()
		switch whence {
		case whenceTell:
		case whenceSeekable:
			at = 0
			if in.Seekable() {
				at = 1
			}
		default:
			at, err = in.Seek(int64(offset), int(whence))
		}
		*position = C.int64_t(at)
		return err
	})
}

//export goRun
func goRun(argv, again, environment **C.char) C.int {
	return C.int(runProgram(argv, again, environment))
}

//export goErrors
func goErrors(id *C.char, idSize C.size_t, text *C.char, size C.size_t) {
	defer func() { _ = recover() }() // the log's own failure must not cross into C
	logErrors(string(view(id, idSize)), string(view(text, size)))
}

// view is C memory as a slice, for the duration of the callback.
func view(data *C.char, size C.size_t) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(data)), int(size))
}

func inputError(err error) error {
	if err == nil || err == io.EOF {
		return nil
	}
	return &gateway.CallError{Exception: gateway.OSError, Msg: "the client broke off in the middle of the request's content: " + err.Error()}
}

// unpackHead takes apart what response.c packed, and appends the fields to buffer. The strings share one copy.
func unpackHead(packed string, buffer []httpserver.HeaderField) (status string, fields []httpserver.HeaderField) {
	next := func() (s string) {
		size := binary.NativeEndian.Uint32([]byte(packed[:4]))
		s, packed = packed[4:4+size], packed[4+size:]
		return s
	}
	status = next()
	fields = buffer
	for packed != "" {
		fields = append(fields, httpserver.HeaderField{Name: next(), Value: next()})
	}
	return status, fields
}

var exceptions = map[gateway.Exception]C.int{
	gateway.AssertionError:       C.PS_ASSERTION,
	gateway.ValueError:           C.PS_VALUE,
	gateway.OSError:              C.PS_OS,
	gateway.UnsupportedOperation: C.PS_UNSUPPORTED,
}

// statusOf names the exception that err asks for; it is OSError where nothing else fits.
func statusOf(err error) C.int {
	if err == nil {
		return C.PS_OK
	}
	var call *gateway.CallError
	switch {
	case errors.As(err, &call) && exceptions[call.Exception] != C.PS_OK:
		return exceptions[call.Exception]
	case errors.Is(err, httpserver.ErrDisconnected):
		return C.PS_DISCONNECTED
	case errors.As(err, &gateway.HeadersSentError{}):
		return C.PS_HEADERS_SENT
	}
	return C.PS_OS
}

// putMessage writes the NUL-terminated text for C, cut to what fits.
func putMessage(message *C.char, text string) {
	if message == nil {
		return
	}
	buffer := unsafe.Slice((*byte)(unsafe.Pointer(message)), C.PS_MESSAGE)
	buffer[copy(buffer[:C.PS_MESSAGE-1], text)] = 0
}
