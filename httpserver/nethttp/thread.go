package nethttp

import "github.com/pyserve/pyserve/httpserver"

// thread is one call of [Dispatcher.Work].
type thread struct {
	d        *Dispatcher
	number   int
	control  <-chan func()         // nil once it was closed
	assigned chan *httpserver.Task // what an idle thread is given: its next task, or nil when there will be none
}

// Work implements httpserver.Threads.
func (d *Dispatcher) Work(number int, control <-chan func()) {
	th := &thread{d: d, number: number, control: control, assigned: make(chan *httpserver.Task, 1)}
	for {
		select {
		case f, ok := <-th.control:
			th.obey(f, ok)
			continue
		default:
		}
		t, more := d.next(th)
		switch {
		case !more:
			return
		case t != nil:
			th.run(t)
		default:
			th.wait()
		}
	}
}

// wait blocks the idle thread until there is something to run, and runs it, or until d was closed.
func (th *thread) wait() {
	select {
	case t := <-th.assigned:
		th.run(t)
	case f, ok := <-th.control:
		if !th.d.leaveIdle(th) {
			th.run(<-th.assigned) // given in the same moment: it cannot go elsewhere
		}
		th.obey(f, ok)
	}
}

// obey calls what came from control.
func (th *thread) obey(f func(), open bool) {
	if !open {
		th.control = nil
		return
	}
	f()
}

// run runs t, which has begun, unless it is nil.
func (th *thread) run(t *httpserver.Task) {
	if t == nil {
		return
	}
	defer t.Finish()
	t.Run(th.number)
}
