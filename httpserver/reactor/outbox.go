//go:build linux

package reactor

import (
	"sync"
	"sync/atomic"
	"time"
)

// outbox holds complete small answers back until the events that came together have been handled, so that
// a client on the same machine is woken once and not for every answer: that wake-up costs more than write(2)
// itself. Each client waits a little longer for its answer, and sooner gets the next.
//
// A connection with an answer in the outbox stays owned until the answer is out, so nothing overtakes it: by the poller
// while the handler runs, which may do more after it has sent its answer, then by the outbox. The monitor empties the outbox
// of a thread that does not come back soon from the application. It may write an answer whose connection is the
// poller's still, but takes nothing that is not the outbox's. It is emptied
//
//   - by its thread, when no event is left (poller.next), before it parks, before it runs an order, and before the next
//     request when the answers have waited for holdTime or are outboxAnswers;
//   - by the monitor, when the thread is inside the application and they have waited for holdTime.
type outbox struct {
	mu      sync.Mutex
	answers []held
	buf     []byte // the answers, one behind the other
	taken   []held // those that are out, while their connections are let go of

	short, longest int64 // shortRequest and holdTime; tests need others

	waiting atomic.Int32 // len(answers)
	due     bool         // it is to be emptied before the next request
	since   int64        // when the oldest answer came, in Reactor.now
}

// held is an answer in the outbox.
type held struct {
	c        *conn
	from, to int  // in outbox.buf
	out      bool // it was written, up to from, or err
	err      error
}

const (
	// shortRequest is up to how long requests take whose answers are held back: others' clients would wait for long.
	shortRequest = int64(300 * time.Microsecond)
	// holdTime is how long answers are held back while further requests are answered.
	holdTime = int64(500 * time.Microsecond)
	// outboxSize and outboxAnswers bound the outbox, in bytes and answers.
	outboxSize    = 64 << 10
	outboxAnswers = 32
)

// put takes the answer of c that is made of head and content, and reports whether it did. The request began at began.
func (o *outbox) put(c *conn, head, content []byte, began, now int64) bool {
	if now-began > o.short || len(o.buf)+len(head)+len(content) > outboxSize {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.answers) == 0 {
		o.since, o.buf = now, o.buf[:0]
	}
	from := len(o.buf)
	o.buf = append(append(o.buf, head...), content...)
	o.answers = append(o.answers, held{c: c, from: from, to: len(o.buf)})
	o.due = now-o.since > o.longest || len(o.answers) >= outboxAnswers
	o.waiting.Store(int32(len(o.answers)))
	return true
}

// send writes what is held, and moves the answers whose connections are the outbox's to taken: they are the caller's
// then.
func (o *outbox) send(taken []held) []held {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := o.answers[:0]
	for _, a := range o.answers {
		if !a.out {
			var n int
			n, a.err = a.c.write(o.buf[a.from:a.to])
			a.from, a.out = a.from+n, true
		}
		if !a.c.own.take(inOutbox) {
			kept = append(kept, a)
			continue
		}
		if a.err == nil && a.from < a.to {
			a.c.out.keep(a.c.r, o.buf[a.from:a.to])
			a.c.out.closeAfter = false
			a.c.become(phaseFlush)
		}
		taken = append(taken, a)
	}
	clear(o.answers[len(kept):])
	o.answers = kept
	o.waiting.Store(int32(len(kept)))
	return taken
}

// deliver empties o and lets go of the connections.
func (p *poller) deliver(o *outbox) {
	p.outbox.due = false
	p.outbox.taken = o.send(p.outbox.taken[:0])
	for i := range p.outbox.taken {
		a := p.outbox.taken[i]
		p.outbox.taken[i] = held{}
		if a.err != nil || a.c.out.aborted {
			a.c.close()
		}
		p.to = nobody
		if a.c.phase != phaseHead {
			p.run(a.c)
		}
		p.letGo(a.c, a.c.served-1)
	}
}

// late reports whether the oldest answer has waited for long enough. The caller is not o's thread.
func (o *outbox) late(now int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.answers) > 0 && now-o.since > o.longest
}
