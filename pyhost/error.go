package pyhost

import (
	python3 "github.com/go-python/cpy3"
)

// Error is a Python exception.
type Error struct {
	// Type is the exception's qualified name, such as "KeyError" or "werkzeug.exceptions.NotFound".
	Type string
	// Msg is str(exception).
	Msg string

	traceback string
}

// Error returns the last line of the traceback: "Type: message".
func (e *Error) Error() string {
	switch {
	case e.Type == LoadError:
		return e.Msg
	case e.Msg == "":
		return e.Type
	}
	return e.Type + ": " + e.Msg
}

// Traceback returns the traceback as Python prints it, "" for a LoadError.
func (e *Error) Traceback() string { return e.traceback }

// Timeout reports whether [Host.Interrupt] or [Host.InterruptForShutdown] raised the exception.
func (e *Error) Timeout() bool { return e.Type == requestTimeout || e.Type == serverShutdown }

// The Types of what [Host.Interrupt] and [Host.InterruptForShutdown] raise.
const (
	requestTimeout = "pyserve.RequestTimeout"
	serverShutdown = "pyserve.ServerShutdown"
)

// LoadError is the Type of an [Error] that says, in a sentence, what is wrong with what the user asked for.
const LoadError = "LoadError"

// takeException turns the exception that is set into an error, and clears it. Attached.
func (h *Host) takeException() error {
	kind, value, tb := python3.PyErr_Fetch()
	if kind == nil {
		return &Error{Type: "SystemError", Msg: "pyserve: a call failed without setting an exception"}
	}
	kind, value, tb = python3.PyErr_NormalizeException(kind, value, tb)
	defer release(kind, value, tb)

	defer python3.PyErr_Clear() // whatever describe returns, nothing may be left for ps_detach
	described := h.describe.CallFunctionObjArgs(orNone(kind), orNone(value), orNone(tb))
	if described == nil {
		return &Error{Type: "SystemError", Msg: "pyserve: an exception could not be described"}
	}
	defer described.DecRef()
	text := func(i int) string { return python3.PyUnicode_AsUTF8(python3.PyTuple_GetItem(described, i)) }
	return &Error{Type: text(0), Msg: text(1), traceback: text(2)}
}

func orNone(o *python3.PyObject) *python3.PyObject {
	if o == nil {
		return python3.Py_None
	}
	return o
}

func release(objects ...*python3.PyObject) {
	for _, o := range objects {
		if o != nil {
			o.DecRef()
		}
	}
}
