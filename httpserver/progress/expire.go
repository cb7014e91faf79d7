package progress

import (
	"strings"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// An outcome is what came of the attempt to take a response away from the handler.
type outcome int

const (
	// over: there is no such request any more, or it has moved, or its response was taken away before.
	over outcome = iota
	// waiting: the thread is not in the application, but sends or reads, and the client may be why.
	waiting
	// answered: the client gets 504, or 503 when the server leaves.
	answered
	// aborted: the answer had begun, and the client sees it break off.
	aborted
)

var outcomeNames = [...]string{"over", "waiting", "answered", "broken off"}

func (o outcome) String() string { return outcomeNames[o] }

// overdue is a request whose response was taken away.
type overdue struct {
	thread             int
	number             uint64
	id, method, target string
	age                time.Duration
}

// expire takes the response away from the request that the thread is in, if it is that number and has not
// moved since the time moved, as scoreboard.Thread.Progress reports. It never blocks: the answer, with the given status, is
// sent by a goroutine, which holds the locks until the engine has it.
func (h *Handler) expire(thread int, number uint64, moved int64, status int) (outcome, overdue) {
	t := &h.threads[thread]
	if !t.mu.TryLock() {
		return h.unavailable(thread, number), overdue{}
	}
	if !t.body.mu.TryLock() {
		t.mu.Unlock()
		return waiting, overdue{}
	}
	unlock := func() {
		t.body.mu.Unlock()
		t.mu.Unlock()
	}
	// It may have come back from the client between the look and the locks.
	if n, m, ok := t.record.Progress(); !ok || n != number || m != moved || t.expired.Load() {
		unlock()
		return over, overdue{}
	}
	t.expired.Store(true)
	o := overdue{
		thread: thread, number: number,
		id: strings.Clone(t.r.ID), method: string(t.r.Method), target: string(t.r.Target),
		age: time.Duration(h.clock.now() - t.entered),
	}
	if t.committed {
		t.answered.Aborted = true
		t.w.Abort()
		unlock()
		return aborted, o
	}
	go func() {
		defer unlock()
		t.answer(status)
	}()
	return answered, o
}

// unavailable says why the thread's lock could not be had.
func (h *Handler) unavailable(thread int, number uint64) outcome {
	if !h.isIn(thread, number) {
		return over
	}
	return waiting
}

// isIn reports whether the thread is in the request with that number.
func (h *Handler) isIn(thread int, number uint64) bool {
	n, _, ok := h.row.Thread(thread).Progress()
	return ok && n == number
}

// sends reports whether the thread, or the goroutine with its answer, is in the engine: it may wait for the client.
func (h *Handler) sends(thread int) bool {
	t := &h.threads[thread]
	if !t.mu.TryLock() {
		return true
	}
	t.mu.Unlock()
	return false
}

// answer sends a status, such as 504 (RFC 9110, section 15.6.5), in place of the application. The length and
// `Connection: close` tell the client that it has all of it, though the thread may never come back to end the request.
func (t *thread) answer(status int) {
	answer := httpserver.OwnAnswer(status)
	answer.Close = true
	t.answered.Status = status
	if answer.Send(t.w, string(t.r.Method)) != nil {
		t.w.Abort()
	}
}
