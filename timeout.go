package pyserve

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/pyserve/pyserve/httpserver/progress"
	"github.com/pyserve/pyserve/pyhost"
)

// watchRequests begins to look after the requests of all applications, until Python ends.
func (rt *Runtime) watchRequests() {
	rt.progress = progress.NewHandler(nil, rt.options.Process.Row)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-rt.ended
		cancel()
	}()
	go rt.progress.Watch(ctx, progress.Options{
		Timeout: rt.options.Timeout, Dump: rt.stack, Running: rt.host.Running, Interrupt: rt.host.Interrupt, Stuck: rt.stuck,
		GILHeld: pyhost.GILHeld, Log: rt.options.Log,
	})
}

func (rt *Runtime) stuck(s progress.Stuck) {
	rt.options.Log.Error(s.String())
	if rt.options.Stuck != nil {
		rt.options.Stuck(s.String(), s.GIL)
	}
}

// WriteStacks writes the Python stacks of all threads to f, also while one of them keeps the GIL. It can be called on any
// goroutine, at any time. An error means that only a part was written, or nothing.
func (rt *Runtime) WriteStacks(f *os.File) error { return rt.host.DumpStacks(int(f.Fd())) }

// interrupted is called with the GIL held.
func (rt *Runtime) interrupted() {
	if rt.options.Interrupted != nil {
		go rt.options.Interrupted()
		return
	}
	go rt.options.Log.Warn("a request was interrupted in its time-out: a lock that it held may never be released")
}

// gilPatience is how long the GIL is waited for to see where a thread is.
const gilPatience = 250 * time.Millisecond

// stack returns the Python stack of a thread, for the log.
func (rt *Runtime) stack(thread int) string {
	ctx, cancel := context.WithTimeout(context.Background(), gilPatience)
	defer cancel()
	if stack, err := rt.host.Stack(ctx, thread); err == nil {
		return stack
	}
	return rt.dumpedStack(thread)
}

// dumpedStack is stack without the GIL: the stack of all threads when that one is not among them.
func (rt *Runtime) dumpedStack(thread int) string {
	f, err := os.CreateTemp("", "pyserve-stacks-")
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	_ = os.Remove(f.Name())
	failed := rt.host.DumpStacks(int(f.Fd()))
	dump, err := io.ReadAll(io.NewSectionReader(f, 0, maxStacks))
	switch {
	case len(dump) == 0 && failed != nil:
		return failed.Error()
	case err != nil:
		return err.Error()
	}
	if stack := rt.host.ThreadStack(string(dump), thread); stack != "" {
		return stack
	}
	return string(dump)
}

// maxStacks is how much of the stacks goes to the log, in bytes.
const maxStacks = 256 << 10
