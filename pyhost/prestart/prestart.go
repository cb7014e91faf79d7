// Package prestart does what has to be done to the process before the Go runtime starts. It is for the
// pyserve command: a library has no business there. Importing it is all there is to do, in a program that locks its
// main goroutine to its thread in an init function.
package prestart

// The C constructors run before main.

import "C"

import "os"

// A process that was to become a zygote, and has come as far as this with its variable still there, would take itself
// for another master, and start zygotes in its turn.
func init() {
	if os.Getenv("PYSERVE_ZYGOTE") != "" {
		_, _ = os.Stderr.WriteString("pyserve: applications cannot be preloaded on this system, or in a program without Python\n")
		os.Exit(1)
	}
}
