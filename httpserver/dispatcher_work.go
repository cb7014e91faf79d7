package httpserver

import "runtime/debug"

// worker is one call of [Dispatcher.Work].
type worker struct {
	d        *Dispatcher
	thread   int
	control  <-chan func() // nil once it was closed
	assigned chan *task    // what an idle worker is given: its next task, or nil when there will be none
}

// Work makes the calling goroutine thread number thread: it runs tasks, and the functions received from
// control, until Close; then it runs what is still queued and returns. A function that waits goes before a
// task that waits. control may be nil. A panic of such a function is not recovered.
func (d *Dispatcher) Work(thread int, control <-chan func()) {
	w := &worker{d: d, thread: thread, control: control, assigned: make(chan *task, 1)}
	for {
		select {
		case f, ok := <-w.control:
			w.obey(f, ok)
			continue
		default:
		}
		t, more := d.next(w)
		switch {
		case !more:
			return
		case t != nil:
			w.run(t)
		default:
			w.wait()
		}
	}
}

// wait blocks the idle w until there is something to run, and runs it, or until d was closed.
func (w *worker) wait() {
	select {
	case t := <-w.assigned:
		w.run(t)
	case f, ok := <-w.control:
		if !w.d.leaveIdle(w) {
			w.run(<-w.assigned) // given in the same moment: it counts as running and cannot go elsewhere
		}
		w.obey(f, ok)
	}
}

// obey calls what came from control.
func (w *worker) obey(f func(), open bool) {
	if !open {
		w.control = nil
		return
	}
	f()
}

// run runs t unless it is nil, and keeps its panic for Do.
func (w *worker) run(t *task) {
	if t == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			t.panicked = &TaskPanic{Value: v, Stack: debug.Stack()}
		}
		w.d.finished()
		close(t.done)
	}()
	t.run(w.thread)
}
