//go:build pyserve_extension

package pyhost

/*
#include "shim.h"
*/
import "C"

import (
	"encoding/hex"
	"os"
	"strings"
	"unsafe"
)

// Extension says that this is the extension module of a Python that was there first: the process's interpreter and virtual
// environment are what it runs in.
const Extension = true

// Program is what the extension module runs, on the process's main thread: it gets the arguments and returns the exit
// code. Package main sets it before that.
var Program func(args []string) int

// runProgram is called by goRun. os.Args becomes the command line by which the process can be started again, and the
// environment what Python has: Go has taken that which the process was started with.
func runProgram(argv, again, environment **C.char) int {
	os.Args = goStrings(again)
	takeEnvironment(goStrings(environment))
	return Program(goStrings(argv))
}

// takeEnvironment sets only what differs: what stays in its place is where setproctitle looks for it.
func takeEnvironment(entries []string) {
	now := make(map[string]string)
	for _, entry := range entries {
		if name, value, ok := strings.Cut(entry, "="); ok {
			now[name] = value
		}
	}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if _, there := now[name]; !there {
			_ = os.Unsetenv(name) // it was in an environment, as are those that are set
		}
	}
	for name, value := range now {
		if before, there := os.LookupEnv(name); !there || before != value {
			_ = os.Setenv(name, value)
		}
	}
}

// goStrings copies a NULL-terminated list.
func goStrings(list **C.char) (copied []string) {
	for ; *list != nil; list = (**C.char)(unsafe.Add(unsafe.Pointer(list), unsafe.Sizeof(*list))) {
		copied = append(copied, C.GoString(*list))
	}
	return copied
}

// enterLent has the interpreter know what one that starts now would: the arguments of the application, and the environment
// as it is by now. Attached.
func (h *Host) enterLent(argv []string) error {
	known := map[string][]string{"set_environment": os.Environ()}
	if h.preloaded == nil { // else the import has made of them what it does
		known["set_arguments"] = argv
	}
	for function, words := range known {
		// In hexadecimal: a call takes few arguments, and none with a NUL.
		result, err := h.callBootstrap(function, hex.EncodeToString([]byte(strings.Join(words, "\x00"))))
		release(result)
		if err != nil {
			return err
		}
	}
	return nil
}

// checkLentVenv refuses another environment than that of the interpreter that is there.
func checkLentVenv(dir string) error {
	asked, err := os.Stat(dir)
	prefix := C.GoString(C.ps_lent_prefix())
	if own, ownErr := os.Stat(prefix); err == nil && ownErr == nil && os.SameFile(asked, own) {
		return nil
	}
	return &VenvError{dir, "this pyserve runs in " + prefix + ": it was installed there by pip.\n" +
		"To use " + dir + ", install it there (" + dir + "/bin/pip install pyserve-wsgi) and start " + dir + "/bin/pyserve"}
}
