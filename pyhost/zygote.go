package pyhost

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	python3 "github.com/go-python/cpy3"
)

//go:embed zygote.py
var zygoteSource string

// Preload returns the message from which a zygote (package pyhost/zygote) imports spec, with CPython started as Start
// does it. It starts nothing in this process. In the zygote's children Start takes over the CPython that is
// there, and [Host.Load] of the same spec returns the application without importing it. The error is a [*VenvError], or
// says that a string cannot be passed on.
func (c Config) Preload(spec string) ([]byte, error) {
	executable, err := c.executable()
	if err != nil {
		return nil, err
	}
	// The order is that of zygote.c.
	parts := append([]string{executable, c.directory(), c.pythonPath(), spec, bootstrapSource, zygoteSource}, c.argv()...)
	for _, part := range parts {
		if strings.ContainsRune(part, 0) {
			return nil, fmt.Errorf("%q cannot be passed on: it has a NUL character in it", part)
		}
	}
	return []byte(strings.Join(parts, "\x00") + "\x00"), nil
}

// preloaded is an application that the zygote imported.
type preloaded struct {
	app     *C.PyObject
	spec    string
	signals uint64 // the set that ps_signals_restore returned
}

// adopt takes over what the zygote left to this process, if it is a child of one: true, and the thread is attached.
func (h *Host) adopt() (bool, error) {
	message := (*C.char)(C.calloc(1, C.PS_MESSAGE))
	defer C.free(unsafe.Pointer(message))
	var from C.ps_preload
	switch C.ps_adopt(&from, message) {
	case C.PS_END:
		return false, nil
	case C.PS_OK:
		if from.bootstrap == nil { // the extension module: only the interpreter is there
			return true, nil
		}
		h.bootstrap = (*python3.PyObject)(unsafe.Pointer(from.bootstrap))
		h.preloaded = &preloaded{app: from.app, spec: C.GoString(from.spec), signals: uint64(from.signals)}
		return true, nil
	}
	return false, errors.New(C.GoString(message))
}

// takePreloaded returns the application that the zygote imported, once and if it is spec, else nil.
func (h *Host) takePreloaded(spec string) *preloaded {
	p := h.preloaded
	if p == nil || p.spec != spec {
		return nil
	}
	h.preloaded = nil
	return p
}
