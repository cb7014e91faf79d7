package pyhost

/*
#include <stdio.h>
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	python3 "github.com/go-python/cpy3"
)

// The parts of the bootstrap module, in their order.
var (
	//go:embed exceptions.py
	exceptionsPart string
	//go:embed bootstrap.py
	bootstrapPart string
	//go:embed faults.py
	faultsPart string
	//go:embed callables.py
	callablesPart string
	//go:embed hints.py
	hintsPart string
	//go:embed loading.py
	loadingPart string

	bootstrapSource = strings.Join([]string{exceptionsPart, bootstrapPart, faultsPart, callablesPart, hintsPart, loadingPart}, "\n")
)

// Config says which Python to start, and how. The zero value works.
type Config struct {
	// Venv is the folder of a virtual environment; "" for none.
	Venv string
	// Force starts Venv even if another Python installation made it.
	Force bool
	// Dir is the first entry of sys.path; "" is the working folder.
	Dir string
	// PythonPath are folders to put on sys.path, after Dir.
	PythonPath []string
	// Argv is sys.argv; nil is one empty string. An empty first element becomes the file of the first application that
	// is loaded, as do __main__.__file__ and what belongs to it.
	Argv []string
	// Threads is the number of threads that requests run on; 0 is 1. If it is 1, that is Python's main thread; if it is
	// more, they are others, and Python's main thread runs no requests.
	Threads int
	// Multiprocess is the value of wsgi.multiprocess.
	Multiprocess bool
	// Variables are the names that the numbers in an environ.Block stand for: environ.Keys.
	Variables []string
	// CrashFile is where the Python stacks of all threads go when the process dies of SIGSEGV, SIGBUS, SIGFPE,
	// SIGILL or SIGABRT outside of Go; nil is standard error. It must stay open. This needs package prestart: in
	// a Go program without it there is no such dump, and a crash in C ends as Go has it.
	CrashFile *os.File
	// ImportContext has each request begin with what the import of the application has set in context variables, in a
	// copy of its own. Otherwise it begins with none.
	ImportContext bool
	// Interrupted is called when the application has seen what [Host.Interrupt] raised, at the end of that request: locks
	// may be held forever that it was about to release. It is called attached, on a Python thread, and must not block.
	Interrupted func()
	// Log takes what wsgi.errors gets and what the host has to say; nil is slog.Default().
	Log *slog.Logger
}

// executable returns the interpreter that CPython takes itself for, once the virtual environment is found to fit.
func (c Config) executable() (string, error) {
	if c.Venv == "" {
		return BuildPython().Executable, nil
	}
	if Extension {
		return BuildPython().Executable, CheckVenv(c.Venv, c.Force)
	}
	return venvPython(c.Venv), CheckVenv(c.Venv, c.Force)
}

func (c Config) argv() []string {
	if c.Argv == nil {
		return []string{""}
	}
	return c.Argv
}

// directory and pythonPath are what bootstrap.py's prepare_path takes.
func (c Config) directory() string {
	if c.Dir != "" {
		return c.Dir
	}
	dir, _ := os.Getwd()
	return dir
}

func (c Config) pythonPath() string { return strings.Join(c.PythonPath, string(os.PathListSeparator)) }

// Host is the CPython of this process. There is one at most: CPython, its modules and its threads belong
// to the process.
type Host struct {
	log     *slog.Logger
	threads []thread
	running sync.WaitGroup // the threads that StartThreads started
	signals signals
	apps    int  // loaded so far
	context bool // Config.ImportContext

	crashFile   *os.File
	interrupter interrupter

	preloaded *preloaded // nil but in a child of the zygote
	bootstrap *python3.PyObject
	describe  *python3.PyObject
}

// ErrStarted is returned by Start when this process has, or had, a Host.
var ErrStarted = errors.New("Python was already started in this process, and cannot be started twice")

var started atomic.Bool

// errorLog takes the lines of wsgi.errors, which may come after any request and from any thread.
var errorLog atomic.Pointer[slog.Logger]

// Start initialises CPython on the calling goroutine, which must be locked to its OS thread (see [Go]): that
// thread is Python's main thread from now on. In a child of a zygote (see [Config.Preload]) it takes over the CPython
// that is there, and must be called on the process's main thread. It is not attached when Start returns. The error is a
// [*VenvError], [ErrStarted], or says why CPython would not start.
func Start(c Config) (*Host, error) {
	executable, err := c.executable()
	if err != nil {
		return nil, err
	}
	if started.Swap(true) {
		return nil, ErrStarted
	}
	h := &Host{log: c.Log, threads: make([]thread, max(c.Threads, 1)), context: c.ImportContext}
	if h.log == nil {
		h.log = slog.Default()
	}
	errorLog.Store(h.log)
	if c.Interrupted == nil {
		c.Interrupted = func() {}
	}
	onInterrupt.Store(&c.Interrupted)
	slots = make([]slot, len(h.threads))
	for i := range h.threads {
		h.threads[i].host, h.threads[i].slot = h, &slots[i]
	}
	if err := h.signals.open(); err != nil {
		return nil, err
	}
	outliveBrokenPipes()
	adopted, err := h.adopt()
	if err == nil && !adopted {
		err = initialize(executable, c.argv())
	}
	if err != nil {
		return nil, err
	}
	defer C.ps_detach()
	return h, h.prepare(c)
}

// initialize leaves the thread attached if it succeeds.
func initialize(executable string, argv []string) error {
	cexecutable, cargv := C.CString(executable), cStrings(argv)
	defer C.free(unsafe.Pointer(cexecutable))
	defer freeStrings(cargv)
	message := (*C.char)(C.calloc(1, C.PS_MESSAGE))
	defer C.free(unsafe.Pointer(message))
	if C.ps_initialize(cexecutable, C.int(len(argv)), unsafe.SliceData(cargv), message) != C.PS_OK {
		return fmt.Errorf("CPython does not start with %s: %s", executable, C.GoString(message))
	}
	return nil
}

// prepare loads the bootstrap module and what the shim takes from it, unless the zygote did. Attached.
func (h *Host) prepare(c Config) error {
	if h.preloaded == nil {
		if err := h.loadBootstrap(); err != nil {
			return err
		}
	}
	h.describe = h.bootstrap.GetAttrString("describe")
	names := cStrings(c.Variables)
	defer freeStrings(names)
	status := C.ps_prepare(unsafe.SliceData(names), C.int(len(names)), boolInt(len(h.threads) > 1), boolInt(c.Multiprocess),
		object(h.bootstrap))
	if status != C.PS_OK {
		return h.takeException()
	}
	if Extension {
		if err := h.enterLent(c.argv()); err != nil {
			return err
		}
	}
	h.threads[0].ident.Store(uint64(C.ps_thread_ident()))
	if err := h.startDumps(c.CrashFile); err != nil || h.preloaded != nil {
		return err
	}
	_, err := h.callBootstrap("prepare_path", c.directory(), c.pythonPath())
	return err
}

// loadBootstrap runs bootstrap.py as a module that is in no folder.
func (h *Host) loadBootstrap() error {
	name, source := C.CString("_pyserve"), C.CString(bootstrapSource)
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(source))
	h.bootstrap = (*python3.PyObject)(unsafe.Pointer(C.ps_module(name, source)))
	if h.bootstrap == nil {
		python3.PyErr_Print()
		return errors.New("CPython does not start: its standard library does not load (see above)")
	}
	return nil
}

// callBootstrap calls a function of bootstrap.py with strings, as the file system has them: they need not be UTF-8. The
// result is the caller's to release. Attached.
func (h *Host) callBootstrap(function string, args ...string) (*python3.PyObject, error) {
	callable := h.bootstrap.GetAttrString("call")
	if callable == nil {
		return nil, h.takeException()
	}
	defer callable.DecRef()
	var objects []*python3.PyObject
	defer func() { release(objects...) }()
	for _, arg := range append([]string{function}, args...) {
		object := python3.PyBytes_FromString(arg)
		if object == nil {
			return nil, h.takeException()
		}
		objects = append(objects, object)
	}
	result := callable.CallFunctionObjArgs(objects...)
	if result == nil {
		return nil, h.takeException()
	}
	return result, nil
}

// Load imports and evaluates spec (module[:attr], module:factory(…), or a file's path) and returns the
// application. It must be called on Python's main thread, not attached. Signal handlers that the import
// installs for signals the server uses are put back, with a warning. The error is an [*Error].
func (h *Host) Load(spec string) (*App, error) {
	callable, changed, err := h.find(spec)
	h.warnOfSignals(changed)
	if err != nil {
		return nil, err
	}
	h.apps++
	if err := h.keepContext(); err != nil {
		return nil, err
	}
	return &App{host: h, callable: callable, name: spec}, nil
}

// keepContext makes what is set in context variables now what each request begins with, if that is wanted.
func (h *Host) keepContext() error {
	if !h.context {
		return nil
	}
	C.ps_attach()
	defer C.ps_detach()
	maker, err := h.callBootstrap("context_maker")
	if err == nil {
		defer maker.DecRef()
		C.ps_keep_context(object(maker))
	}
	return err
}

// find returns the application, from the zygote or by importing it, and the signals that the import wanted.
func (h *Host) find(spec string) (callable *C.PyObject, changed uint64, err error) {
	if p := h.takePreloaded(spec); p != nil {
		return p.app, p.signals, nil
	}
	C.ps_attach()
	defer C.ps_detach()
	function := "load"
	if h.apps > 0 {
		function = "load_another"
	}
	found, err := h.callBootstrap(function, spec)
	return object(found), uint64(C.ps_signals_restore(ignoredSignals())), err
}

// RunExitFunctions waits for the application's own threads, runs what it registered with atexit, and
// flushes its output. It must be called on Python's main thread, not attached, after the other threads have ended.
// CPython is not finalised: extensions crash in that too often. It has no time limit.
func (h *Host) RunExitFunctions() error {
	C.ps_attach()
	defer C.ps_detach()
	result, err := h.callBootstrap("run_exit_functions")
	release(result)
	C.fflush(nil) // what extensions wrote by stdio, as the process may end without exit()
	return err
}

// Report returns facts about the interpreter in the order to print them, as lines of name, tab, value. It
// must be called on Python's main thread, not attached.
func (h *Host) Report() (string, error) { return h.ask("report") }

// ModuleFiles returns the files of the modules that are imported, sorted, as Python names them. It must be called on
// Python's main thread, not attached.
func (h *Host) ModuleFiles() ([]string, error) {
	lines, err := h.ask("module_files")
	if lines == "" {
		return nil, err
	}
	return strings.Split(lines, "\n"), err
}

// ask returns the text that a function of bootstrap.py returns, as bytes.
func (h *Host) ask(function string) (string, error) {
	C.ps_attach()
	defer C.ps_detach()
	result, err := h.callBootstrap(function)
	if err != nil {
		return "", err
	}
	defer result.DecRef()
	return python3.PyBytes_AsString(result), nil
}

// logErrors takes lines of wsgi.errors.
func logErrors(id, text string) {
	for line := range strings.Lines(text) {
		errorLog.Load().Error(strings.TrimRight(line, "\r\n"), "id", id, "source", "wsgi.errors")
	}
}

// object is a cpy3 object as the shim takes it.
func object(o *python3.PyObject) *C.PyObject { return (*C.PyObject)(unsafe.Pointer(o)) }

func boolInt(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// cStrings copies strings to C memory; freeStrings gives it back.
func cStrings(list []string) []*C.char {
	size := C.size_t(max(len(list), 1)) * C.size_t(unsafe.Sizeof((*C.char)(nil)))
	result := unsafe.Slice((**C.char)(C.calloc(1, size)), max(len(list), 1))[:len(list)]
	for i, s := range list {
		result[i] = C.CString(s)
	}
	return result
}

func freeStrings(list []*C.char) {
	for _, s := range list {
		C.free(unsafe.Pointer(s))
	}
	C.free(unsafe.Pointer(unsafe.SliceData(list)))
}
