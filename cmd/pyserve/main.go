// Command pyserve serves a WSGI application: pyserve flaskapp:app.
//
// It holds flags, environment variables, signals and exit codes; what it serves with is package pyserve,
// which any Go program can use.
package main

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
	_ "github.com/pyserve/pyserve/pyhost/prestart" // before the Go runtime starts
)

// Python's main thread is the process's: some libraries look at that.
func init() { runtime.LockOSThread() }

func main() {
	for i, arg := range os.Args { // the process's title may take their place
		os.Args[i] = strings.Clone(arg)
	}
	os.Exit(program(os.Args[1:]))
}

// program is what both the executable and the extension module do. It must be called on the main thread.
func program(args []string) (code int) {
	// As in any Python process: a write that fails says so, and ends nothing.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ)
	tuneRuntime()
	code = run(args)
	flushMessages()
	return code
}

// tuneRuntime sets what Go's defaults do not fit, unless the environment says otherwise.
//
// A few of Go's Ps are to be free: a thread that comes back from C or a system call needs one, and without a
// spare one Go's monitor takes it away meanwhile, and timers wait for it. And the garbage collector may
// wait for a larger heap: with the few megabytes there are it would run 17 times a second, and each time
// hold up requests for 2 ms.
func tuneRuntime() {
	const leastProcs, gcPercent = 4, 400
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < leastProcs {
		runtime.GOMAXPROCS(leastProcs)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// limitHeap has the garbage collector come sooner when slow clients fill --spool-memory, unless the environment says otherwise:
// by the percentage alone the heap could be five times as large before.
func (c *cli) limitHeap() {
	const others = 128 << 20
	if os.Getenv("GOMEMLIMIT") == "" && c.SpoolMemory >= 0 {
		debug.SetMemoryLimit(others + int64(c.SpoolMemory) + int64(c.SpoolMemory)/2)
	}
}

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// run does what the arguments say and returns the exit code.
func run(args []string) int {
	worker, upgrade, err := handover.Take()
	if err != nil {
		return failure(err)
	}
	noteInit()
	started.note()
	c, command, code, done := parse(args, os.Stdout, os.Stderr)
	if done {
		return code
	}
	if c.dir = started.dir; worker != nil {
		c.dir = string(worker.Dir)
		if c, err = c.takeFolders(string(worker.Folders)); err != nil {
			return failure(err)
		}
	}
	switch command {
	case "reload", "stop", "status":
		return control(c, command)
	}
	if command == "serve" && worker == nil && upgrade == nil {
		if code, done := serveUnderInit(c.app); done {
			return code
		}
	}
	if len(c.unknown) > 0 && worker == nil {
		say("unknown options in the environment, ignored: %s (see pyserve --help)", strings.Join(c.unknown, ", "))
	}
	if err := c.prepare(); err != nil {
		return usage(err)
	}
	if err := c.applySurroundings(); err != nil {
		return usage(err)
	}
	if command == "check" {
		return check(c)
	}
	return serve(c, worker, upgrade)
}

// started is how this process was, to start the program again in the same way.
var started startedAs

type startedAs struct {
	path        string // of the program, absolute
	err         error  // why there is none
	dir         string
	environment []string
	underInit   bool // its parent is serveUnderInit
}

// note is called before anything of it is changed.
func (s *startedAs) note() {
	s.environment = os.Environ()
	s.dir, _ = os.Getwd()
	// By its name, so that USR2 finds what was put in its place.
	if s.path, s.err = exec.LookPath(os.Args[0]); s.err == nil {
		s.path, s.err = filepath.Abs(s.path)
	} else {
		s.path, s.err = os.Executable()
	}
}
