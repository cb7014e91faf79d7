package pyserve

import (
	"fmt"

	"github.com/pyserve/pyserve/pyhost"
)

// Error is an exception of Python's, such as one of the import in [Runtime.Load], with its traceback; or, without a traceback,
// what is wrong with what was asked for, in a sentence.
type Error = pyhost.Error

// VenvError says why [New] does not run in a virtual environment, and what to do.
type VenvError = pyhost.VenvError

// DifferentError says that Python already runs in this process, and with another value of an option.
type DifferentError struct {
	// Option is the name of a field of [Options].
	Option string
}

// Error implements error.
func (e *DifferentError) Error() string {
	return fmt.Sprintf("pyserve: Python already runs in this process with another %s: a process can have only one Python", e.Option)
}
