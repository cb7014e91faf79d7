//go:build linux

package process

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// maxStacks is how much of the stacks goes to the log, in bytes.
const maxStacks = 256 << 10

// stacks returns what the dead worker's crash handler has written, "" if it has written nothing.
func (w *Worker) stacks() string {
	buffer := make([]byte, maxStacks)
	n, err := unix.Pread(w.crash, buffer, 0)
	if err != nil {
		return ""
	}
	return withoutIdle(strings.TrimSpace(string(buffer[:n])))
}

// idleStack is how faulthandler writes a thread that waits for a request.
var idleStack = regexp.MustCompile(`(?m)^Thread [^\n]*:\n  <no Python frame>\n*`)

// withoutIdle counts the threads in no Python code, of which there may be as many as --threads, instead of showing them.
func withoutIdle(stacks string) string {
	idle := len(idleStack.FindAllStringIndex(stacks, -1))
	if idle == 0 {
		return stacks
	}
	return fmt.Sprintf("%s\n\nThreads in no Python code: %d", strings.TrimSpace(idleStack.ReplaceAllString(stacks, "")), idle)
}
