// Package prestart does what has to be done to the process before the Go runtime starts. It is for the
// pyserve command: a library has no business there. Importing it is all there is to do, in a program that locks its
// main goroutine to its thread in an init function.
package prestart

// The C constructors run before main.

import "C"
