package httpserver

import "time"

// task is one call of [Dispatcher.Do].
type task struct {
	run      func(thread int)
	entered  time.Time
	queued   time.Duration // set when it gets a thread
	panicked *TaskPanic    // set before done is closed
	err      error         // it was refused, which is set before done is closed, too
	done     chan struct{} // closed when it has run, or was refused

	prev, next *task // neighbours in the taskList
	listed     bool
}

// taskList is a queue from whose middle a task can be taken at no cost: clients that give up do so there.
type taskList struct {
	first, last *task
	n           int
}

func (l *taskList) push(t *task) {
	t.prev, t.next, t.listed = l.last, nil, true
	if l.last == nil {
		l.first = t
	} else {
		l.last.next = t
	}
	l.last = t
	l.n++
}

// pop returns the oldest task, nil when there is none.
func (l *taskList) pop() *task {
	t := l.first
	if t != nil {
		l.remove(t)
	}
	return t
}

// remove takes t out and reports whether it was in.
func (l *taskList) remove(t *task) bool {
	if !t.listed {
		return false
	}
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.prev, t.next, t.listed = nil, nil, false
	l.n--
	return true
}
