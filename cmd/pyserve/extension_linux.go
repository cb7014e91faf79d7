//go:build pyserve_extension

package main

import (
	"os"

	"github.com/pyserve/pyserve/pyhost"
)

// In the extension module nobody calls main: the interpreter that is there runs the program.
func init() { pyhost.Program = program }

// running returns the file that starts this program once more: the interpreter, by its name, which says in which
// environment it is.
func running() string { return os.Args[0] }
