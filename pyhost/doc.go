// Package pyhost holds CPython: its configuration, its threads, and the seam through which a request
// reaches the application. It implements gateway.App. Only it and the packages below its folder import "C".
//
// The cold path (import, attributes, calls at start-up, exceptions) goes through cpy3; the rest is the C
// shim, whose whole surface is shim.h. The package knows nothing of HTTP.
package pyhost

// The flags come from the project's python3.pc, and cgo's cache key from CGO_CFLAGS: see scripts/embed.py.

/*
#cgo pkg-config: python3
#cgo CFLAGS: -Wall -Werror=implicit-function-declaration
*/
import "C"

import _ "github.com/pyserve/pyserve/pyhost/internal/needsmake" // a clear message when the flags are missing
