package progress

import (
	"net/http"
	"os"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// ErrTimedOut is what a handler's calls return once its request has run into the time-out. It is an
// httpserver.ErrDisconnected too, for errors.Is: for the handler it is as if the client had gone.
var ErrTimedOut error = timedOut{}

type timedOut struct{}

func (timedOut) Error() string { return "the request ran into its time-out" }

func (timedOut) Is(target error) bool { return target == httpserver.ErrDisconnected }

// lock claims t for a call of the handler's, or says that the response is not the handler's any more.
func (t *thread) lock() error {
	if t.expired.Load() {
		return ErrTimedOut // without the lock: an answer of ours may be waiting for the client
	}
	t.mu.Lock()
	if t.expired.Load() {
		t.mu.Unlock()
		return ErrTimedOut
	}
	return nil
}

// unlock unlocks t. The movement comes first: who finds t unlocked sees it.
func (t *thread) unlock() {
	t.moved()
	t.mu.Unlock()
}

// WriteHead implements httpserver.ResponseWriter.
func (t *thread) WriteHead(h *httpserver.Head) error {
	if err := t.lock(); err != nil {
		return err
	}
	defer t.unlock() // deferred as an engine may panic
	t.committed, t.answered.Status = true, h.Status
	return t.w.WriteHead(h)
}

// Write implements httpserver.ResponseWriter.
func (t *thread) Write(p []byte) error {
	if err := t.lock(); err != nil {
		return err
	}
	defer t.unlock()
	t.idle, t.sent = 0, t.h.now.Load()
	t.answered.Sent += int64(len(p))
	return t.w.Write(p)
}

// Idle implements httpserver.Idler. It counts as a movement, unless the handler does nothing else: a hot loop of such
// calls gets no further.
func (t *thread) Idle() error {
	if err := t.lock(); err != nil {
		return err
	}
	defer t.mu.Unlock()
	now := t.h.now.Load()
	t.idle++
	if t.idle <= idleBurst+idleRate*max(now-t.sent, 0)/int64(time.Second) {
		t.moved()
	}
	return nil
}

// How often a handler may be idle, a second and at first, without being suspected of a hot loop.
const (
	idleRate  = 500
	idleBurst = 1000
)

// SendFile implements httpserver.ResponseWriter.
func (t *thread) SendFile(f *os.File, offset, n int64) error {
	if err := t.lock(); err != nil {
		f.Close()
		return err
	}
	defer t.unlock()
	t.answered.Sent += n
	return t.w.SendFile(f, offset, n)
}

// Abort implements httpserver.ResponseWriter. The answer to a request that has timed out is complete: it stays.
func (t *thread) Abort() {
	if t.lock() != nil {
		return
	}
	defer t.unlock()
	t.committed, t.answered.Aborted = true, true
	t.w.Abort()
}

// Disconnected implements httpserver.ResponseWriter. As it does not come together with another call of the
// handler's, only the watchdog can hold the lock; so it never blocks.
func (t *thread) Disconnected() bool {
	if t.expired.Load() || !t.mu.TryLock() {
		return true
	}
	defer t.mu.Unlock()
	return t.expired.Load() || t.w.Disconnected()
}

// Interim implements httpserver.Interimer.
func (t *thread) Interim(status int, fields []httpserver.HeaderField) error {
	if err := t.lock(); err != nil {
		return err
	}
	defer t.unlock()
	inner, ok := httpserver.Extension[httpserver.Interimer](t.w)
	if !ok {
		return nil
	}
	return inner.Interim(status, fields)
}

// Hijack implements httpserver.Hijacker. The request has no time-out from then on.
func (t *thread) Hijack() (socket *os.File, received []byte, err error) {
	if err := t.lock(); err != nil {
		return nil, nil, err
	}
	defer t.unlock()
	inner, ok := httpserver.Extension[httpserver.Hijacker](t.w)
	if !ok {
		return nil, nil, httpserver.ErrNoHijack
	}
	socket, received, err = inner.Hijack()
	if err == nil {
		t.committed, t.answered.Status = true, http.StatusSwitchingProtocols
		t.hijacked.Store(true)
	}
	return socket, received, err
}
