package gateway

import (
	"errors"
	"fmt"
)

// Exception is the type of the Python exception that a refused call raises in the application.
type Exception int

// The exceptions that the gateway's own rules raise.
const (
	AssertionError Exception = iota + 1
	ValueError
	OSError
	UnsupportedOperation // of io: an OSError and a ValueError
)

// CallError is a use of the gateway that PEP 3333 forbids. It is raised in the application as Exception
// with Msg.
type CallError struct {
	Exception Exception
	Msg       string
}

func (e *CallError) Error() string { return e.Msg }

func refuse(exception Exception, format string, args ...any) error {
	return &CallError{exception, fmt.Sprintf(format, args...)}
}

var (
	errOver     = refuse(AssertionError, "the response is over: close() can add nothing to it")
	errReraised = refuse(AssertionError, "start_response() raised exc_info again, because the headers were out: the response is broken off")
)

// HeadersSentError is returned by StartResponse with exc_info once the headers are out: the caller raises
// exc_info again ("PEP 3333, The start_response() Callable").
type HeadersSentError struct{}

func (HeadersSentError) Error() string {
	return "the response headers have already been sent"
}

// ShortBodyError is a response with less content than its Content-Length promised. The connection was
// aborted, so that the client cannot take it for a whole one.
type ShortBodyError struct {
	Declared, Sent int64
}

func (e *ShortBodyError) Error() string {
	return fmt.Sprintf("the application sent %d of the %d bytes that its Content-Length promised", e.Sent, e.Declared)
}

// timedOut reports whether err is what came of an interrupt for the request's time-out, see [App]. Of an
// exception in the application and one in its close() the first counts.
func timedOut(err error) bool {
	if err == nil {
		return false // without the allocation of t
	}
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
