package progress

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/pyserve/pyserve/httpserver"
)

// body is a request's content. It has a lock of its own, held during each read, as a handler may read on one
// goroutine while it responds on another.
type body struct {
	t     *thread
	mu    sync.Mutex
	inner io.Reader

	received atomic.Int64 // bytes that were read
}

// seekableBody is one that can seek, as spooled content can.
type seekableBody struct{ body }

// wrap returns b as the content of the request at hand. It is an io.Seeker if inner is one.
func (b *seekableBody) wrap(inner io.Reader) io.Reader {
	b.inner = inner
	b.received.Store(0)
	if _, ok := inner.(io.Seeker); ok {
		return b
	}
	return &b.body
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (n int, err error) {
	if b.t.expired.Load() {
		return 0, ErrTimedOut // without the lock, see take
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.t.expired.Load() {
		return 0, ErrTimedOut
	}
	n, err = b.inner.Read(p)
	b.received.Add(int64(n))
	b.t.moved()
	return n, err
}

// Stop implements httpserver.Stopper. It does not wait for the Read that it ends.
func (b *body) Stop() {
	if stopper, ok := b.inner.(httpserver.Stopper); ok {
		stopper.Stop()
	}
}

// Seek implements io.Seeker. It is not a movement: it waits for nobody, and gets nothing done.
func (b *seekableBody) Seek(offset int64, whence int) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.inner.(io.Seeker).Seek(offset, whence)
}
