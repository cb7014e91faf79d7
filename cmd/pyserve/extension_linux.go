//go:build pyserve_extension

package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/pyserve/pyserve/pyhost"
)

// In the extension module nobody calls main: the interpreter that is there runs the program.
func init() {
	pyhost.Program = func(args []string) int {
		signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ)
		tuneRuntime()
		code := run(args)
		flushMessages()
		return code
	}
}

// running returns the file that starts this program once more: the interpreter, by its name, which says in which
// environment it is.
func running() string { return os.Args[0] }
