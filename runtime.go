package pyserve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/progress"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
	"github.com/pyserve/pyserve/pyhost"
)

// ErrClosed is returned for a Runtime that was closed.
var ErrClosed = errors.New("pyserve: Python was shut down in this process")

// Runtime is the Python of this process and the threads it runs on.
type Runtime struct {
	options  Options
	host     *pyhost.Host
	threads  httpserver.Threads
	disk     *httpserver.Budget // of all engines
	memory   *httpserver.Budget // of all engines
	main     chan func()        // work for Python's main thread
	started  chan struct{}      // closed when Python has started, or has failed to: then startErr is set
	closing  chan struct{}      // closed by the last Close
	ended    chan struct{}      // closed when Python's main thread is through
	startErr error
	exitErr  error // what the exit functions raised; set before ended is closed

	progress *progress.Handler // of all applications; made with the first thread for requests

	served   atomic.Bool // by the reactor: it serves one application
	users    int         // under current.mu: New calls without their Close
	threaded bool        // the threads for requests run; touched by Python's main thread only
}

// current is the process's Runtime: CPython cannot be had twice.
var current struct {
	mu      sync.Mutex
	runtime *Runtime
}

// New starts Python on threads of its own and returns when it is ready. If it runs already with the same options, New returns
// the same Runtime. With others the error is a [*DifferentError]; after the last Close, [ErrClosed]: Python cannot be started
// again. A virtual environment that does not fit is a [*VenvError]. When ctx is done before Python is ready, New returns
// ctx.Err(), and Python ends when it has started, unless another New has begun to use it.
//
// While Python runs, the program's signals stay as Go, and the program by os/signal, have them, whatever applications do
// to them. SIGPIPE and SIGXFSZ no longer end the program: a write that fails is an error, on standard output, too.
func New(ctx context.Context, o Options) (*Runtime, error) {
	return start(ctx, o, func(rt *Runtime) error {
		started := make(chan error, 1)
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
	_, err := begin(o, func(rt *Runtime) error {
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

// start is begin, waited for until ctx is done.
func start(ctx context.Context, o Options, run func(*Runtime) error) (*Runtime, error) {
	type result struct {
		rt  *Runtime
		err error
	}
	begun := make(chan result, 1)
	go func() {
		rt, err := begin(o, run)
		begun <- result{rt, err}
	}()
	select {
	case r := <-begun:
		return r.rt, r.err
	case <-ctx.Done():
		go func() {
			if r := <-begun; r.err == nil {
				_ = r.rt.Close(context.Background()) // nobody uses it
			}
		}()
		return nil, ctx.Err()
	}
}

// begin makes the Runtime, or finds the one there is and waits until that has started.
func begin(o Options, run func(*Runtime) error) (*Runtime, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("pyserve: %w", err)
	}
	current.mu.Lock()
	there := current.runtime
	if there == nil {
		there, err = newRuntime(o)
		if err != nil {
			current.mu.Unlock()
			return nil, fmt.Errorf("pyserve: %w", err)
		}
		current.runtime = there
		current.mu.Unlock()
		return there.start(run)
	}
	err = there.share(o)
	current.mu.Unlock()
	if err != nil {
		return nil, err
	}
	<-there.started
	if there.startErr != nil {
		return nil, there.startErr
	}
	return there, nil
}

func newRuntime(o Options) (*Runtime, error) {
	threads, err := newThreads(o)
	if err != nil {
		return nil, err
	}
	return &Runtime{
		options: o, threads: threads, main: make(chan func()), users: 1,
		started: make(chan struct{}), closing: make(chan struct{}), ended: make(chan struct{}),
		disk: httpserver.NewBudget(o.SpoolDisk), memory: httpserver.NewBudget(o.SpoolMemory),
	}, nil
}

// start starts Python, which can be tried again if it fails.
func (rt *Runtime) start(run func(*Runtime) error) (*Runtime, error) {
	err := run(rt)
	if err != nil {
		rt.startErr = fmt.Errorf("pyserve: %w", err)
		rt.threads.Close()
		current.mu.Lock()
		current.runtime = nil
		current.mu.Unlock()
	}
	close(rt.started)
	if err != nil {
		return nil, rt.startErr
	}
	return rt, nil
}

// share counts another user. current.mu is held.
func (rt *Runtime) share(o Options) error {
	if rt.users == 0 {
		return ErrClosed
	}
	if what := rt.options.differs(o); what != "" {
		return &DifferentError{Option: what}
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
	for _, fd := range rt.options.Process.ForkClose {
		host.Opened(fd)
	}
	host.WatchSignals(rt.ended, func() { _ = rt.order(context.Background(), host.RunPending, nil) })
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
func (rt *Runtime) onMain(f func()) error { return rt.order(context.Background(), f, rt.closing) }

// order does so until refused is closed, nil for as long as there is a main thread. When ctx is done it returns ctx.Err(),
// though f may run, now or later.
func (rt *Runtime) order(ctx context.Context, f func(), refused <-chan struct{}) error {
	done := make(chan struct{})
	select {
	case rt.main <- func() { defer close(done); f() }:
	case <-refused:
		return ErrClosed
	case <-rt.ended:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-rt.ended:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stats are what the applications of a process have been asked for, and what became of it.
type Stats = scoreboard.Stats

// Stats returns what has been counted since Python was started.
func (rt *Runtime) Stats() Stats { return rt.options.Process.Row.Stats() }

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
