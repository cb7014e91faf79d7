package reactor

import (
	"fmt"
	"sync/atomic"
)

// A place is where the one owner of a connection is.
type place uint32

const (
	nobody   place = iota // it is idle: the next event's poller takes it
	aPoller               // a poller is at work on it
	inQueue               // its request waits for a thread
	inOutbox              // its answer waits in an outbox, and its handler has returned
	inPool                // it waits for the disk, in the pool
	over                  // it is closed
)

func (p place) String() string {
	return [...]string{"nobody", "a poller", "the queue", "an outbox", "the pool", "over"}[p]
}

// ownership is who owns a connection: exactly one place at a time. Who owns a connection may use all of its fields,
// and nobody else may use any but the atomic ones. Each transition is one atomic step:
//
//	from                 transition   to                   by
//	(new)                begin        a poller             who has accepted it
//	nobody               claim        a poller             who has an event of it, or finds it overdue
//	a poller             release      nobody               that poller, unless it is marked
//	a poller             give         queue, outbox, pool  that poller: its last use of the connection
//	queue, outbox, pool  take         a poller             who finds it there
//	any                  end          over                 its owner; Reactor.release when nobody is at work any more
//
// The descriptor of a connection is in the epoll set edge-triggered, without EPOLLONESHOT: so an event may come while it is
// owned. A claim then fails, and marks the connection. The mark stays with it from place to place, until the
// poller that wants to release it finds the mark and looks again: no event is lost.
//
// ownership_model_test.go tries every interleaving of what pollers, the monitor, the sweeper and the pool do with it.
type ownership struct {
	word atomic.Uint32 // the place, and mark
}

// mark says that something has happened since the owner last looked.
const mark = 1 << 3

func (o *ownership) at() place { return place(o.word.Load() &^ mark) }

// begin makes the caller the owner of a new connection.
func (o *ownership) begin() { o.word.Store(uint32(aPoller)) }

// claim makes the caller the owner if there is none, and leaves a mark otherwise.
func (o *ownership) claim() bool {
	for {
		if o.word.CompareAndSwap(uint32(nobody), uint32(aPoller)) {
			return true
		}
		w := o.word.Load()
		if w == uint32(over) || w&mark != 0 || w != uint32(nobody) && o.word.CompareAndSwap(w, w|mark) {
			return false
		}
	}
}

// release makes nobody the owner. It returns false if something has happened meanwhile: the caller is the owner still,
// and has to look.
func (o *ownership) release() bool {
	if o.word.CompareAndSwap(uint32(aPoller), uint32(nobody)) {
		return true
	}
	if !o.word.CompareAndSwap(uint32(aPoller|mark), uint32(aPoller)) {
		o.wrong("released")
	}
	return false
}

// give makes the place to the owner. The caller may not use the connection afterwards.
func (o *ownership) give(to place) {
	if !o.move(aPoller, to) {
		o.wrong("given away")
	}
}

// take makes the caller the owner of what is at the place from, and reports whether it was there.
func (o *ownership) take(from place) bool { return o.move(from, aPoller) }

func (o *ownership) move(from, to place) bool {
	for {
		w := o.word.Load()
		if place(w&^mark) != from {
			return false
		}
		if o.word.CompareAndSwap(w, uint32(to)|w&mark) {
			return true
		}
	}
}

// end makes the connection nobody's forever.
func (o *ownership) end() { o.word.Store(uint32(over)) }

// wrong is called when a connection has two owners. To go on would send one client's answer to another.
func (o *ownership) wrong(what string) {
	panic(fmt.Sprintf("a connection is %s by a poller that does not own it: its owner is %v", what, o.at()))
}
