// Package prestart does what has to be done to the process before the Go runtime starts. It is for the
// pyserve command: a library has no business there. Importing it is all there is to do.
package prestart

// The C constructor in prestart.c runs before main.

import "C"
