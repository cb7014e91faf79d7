package pyserve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/progress"
	"github.com/pyserve/pyserve/pyhost"
)

// ErrClosed is returned for a Runtime that was closed.
var ErrClosed = errors.New("pyserve: Python was shut down in this process")

// Runtime is the Python of this process and the threads it runs on.
type Runtime struct {
	options Options
	host    *pyhost.Host
	threads httpserver.Threads
	disk    *httpserver.Budget // of all engines
	memory  *httpserver.Budget // of all engines
	main    chan func()        // work for Python's main thread
	closing chan struct{}      // closed by the last Close
	ended   chan struct{}      // closed when Python's main thread is through
	exitErr error              // what the exit functions raised; set before ended is closed

	progress *progress.Handler // of all applications; made with the first thread for requests

	users    int  // under current.mu: New calls without their Close
	threaded bool // the threads for requests run; touched by Python's main thread only
}

// current is the process's Runtime: CPython cannot be had twice.
var current struct {
	mu      sync.Mutex
	runtime *Runtime
}

// New starts Python on threads of its own and returns when it is ready. If it runs already with the same
// options, New returns the same Runtime; with others it is an error, as it is after the last Close.
//
// While Python runs, the program's signals stay as Go, and the program by os/signal, have them, whatever applications do
// to them. SIGPIPE and SIGXFSZ no longer end the program: a write that fails is an error, on standard output, too.
func New(o Options) (*Runtime, error) {
	started := make(chan error, 1)
	return start(o, func(rt *Runtime) error {
		err := pyhost.Go(func() { rt.run(func(err error) { started <- err }) })
		if err == nil {
			err = <-started
		}
		return err
	})
}

// Main starts Python on the calling goroutine, which must be locked to its OS thread, and keeps it until f,
// which runs on a goroutine of its own, has returned and the Runtime is closed. It returns f's error.
// It is for a command whose main thread is to be Python's.
func Main(o Options, f func(*Runtime) error) error {
	result := make(chan error, 1)
	_, err := start(o, func(rt *Runtime) error {
		var startErr error
		rt.run(func(err error) {
			if startErr = err; err != nil {
				return
			}
			go func() {
				err := f(rt)
				result <- errors.Join(err, rt.Close(context.Background()))
			}()
		})
		return startErr
	})
	if err != nil {
		return err
	}
	return <-result
}

// start makes the Runtime, or finds the one there is.
func start(o Options, run func(*Runtime) error) (*Runtime, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("pyserve: %w", err)
	}
	rt := &Runtime{options: o, main: make(chan func()), closing: make(chan struct{}), ended: make(chan struct{}), users: 1,
		disk: httpserver.NewBudget(o.SpoolDisk), memory: httpserver.NewBudget(o.SpoolMemory)}
	if rt.threads, err = newThreads(o); err != nil {
		return nil, fmt.Errorf("pyserve: %w", err)
	}
	current.mu.Lock()
	if there := current.runtime; there != nil {
		defer current.mu.Unlock()
		return there, there.share(o)
	}
	current.runtime = rt
	current.mu.Unlock()
	if err := run(rt); err != nil {
		current.mu.Lock()
		defer current.mu.Unlock()
		current.runtime = nil
		return nil, fmt.Errorf("pyserve: %w", err)
	}
	return rt, nil
}

// share counts another user. current.mu is held.
func (rt *Runtime) share(o Options) error {
	if rt.users == 0 {
		return ErrClosed
	}
	if what := rt.options.differs(o); what != "" {
		return fmt.Errorf("pyserve: Python already runs in this process with another %s: there is one Python a process", what)
	}
	rt.users++
	return nil
}

// run is Python's main thread. It calls report once, when Python is ready or has failed to start.
func (rt *Runtime) run(report func(error)) {
	defer close(rt.ended)
	config := rt.options.python()
	config.Interrupted = rt.interrupted
	host, err := pyhost.Start(config)
	rt.host = host
	report(err)
	if err != nil {
		return
	}
	for _, fd := range rt.options.ForkClose {
		host.Opened(fd)
	}
	host.WatchSignals(rt.ended, func() { _ = rt.order(host.RunPending, nil) })
	if host.Threads() == 1 {
		rt.threads.Work(0, rt.main)
	} else {
		rt.obey()
	}
	rt.exitErr = host.RunExitFunctions()
}

// obey is what Python's main thread does while others run the requests: it runs what it is asked to, until they have
// ended. It runs no request itself, so that it is always free for what Python does there only, signal handlers
// above all.
func (rt *Runtime) obey() {
	through := make(chan struct{})
	go func() {
		<-rt.closing
		rt.host.WaitThreads()
		close(through)
	}()
	for {
		select {
		case f := <-rt.main:
			f()
		case <-through:
			return
		}
	}
}

// onMain runs f on Python's main thread; with one thread only, between two requests.
func (rt *Runtime) onMain(f func()) error { return rt.order(f, rt.closing) }

// order does so until refused is closed, nil for as long as there is a main thread.
func (rt *Runtime) order(f func(), refused <-chan struct{}) error {
	done := make(chan struct{})
	select {
	case rt.main <- func() { defer close(done); f() }:
	case <-refused:
		return ErrClosed
	case <-rt.ended:
		return ErrClosed
	}
	select {
	case <-done:
		return nil
	case <-rt.ended:
		return ErrClosed
	}
}

// Handler imports an application and returns it as an http.Handler. Two Django projects cannot be served
// by one process; the second is refused with the reason. An error of the application's import is a
// [*pyhost.Error] with its traceback.
func (rt *Runtime) Handler(a App) (http.Handler, error) {
	app, err := rt.Load(a)
	if err != nil {
		return nil, err
	}
	return app.Handler(), nil
}

// Server imports an application and returns a server for it, whose listeners the caller opens. The engine
// is the one that Options.Engine names.
func (rt *Runtime) Server(a App) (httpserver.Engine, error) {
	app, err := rt.Load(a)
	if err != nil {
		return nil, err
	}
	return app.Server(), nil
}

// Report returns facts about the interpreter, as lines of name, tab, value.
func (rt *Runtime) Report() (report string, err error) {
	if closed := rt.onMain(func() { report, err = rt.host.Report() }); closed != nil {
		return "", closed
	}
	return report, err
}

// ModuleFiles returns the files of the modules that are imported.
func (rt *Runtime) ModuleFiles() (files []string, err error) {
	if closed := rt.onMain(func() { files, err = rt.host.ModuleFiles() }); closed != nil {
		return nil, closed
	}
	return files, err
}

// Close ends the use of the Runtime that one New began. The last Close answers what is still queued, ends
// the threads, waits for the application's own threads and runs what it registered with atexit. It
// returns ctx.Err() when that takes longer than ctx allows; what runs then goes on running.
func (rt *Runtime) Close(ctx context.Context) error {
	current.mu.Lock()
	if rt.users > 0 {
		rt.users--
		if rt.users == 0 {
			close(rt.closing)
			rt.threads.Close()
		}
	}
	left := rt.users
	current.mu.Unlock()
	if left > 0 {
		return nil
	}
	select {
	case <-rt.ended:
		return rt.exitErr
	case <-ctx.Done():
		return ctx.Err()
	}
}
