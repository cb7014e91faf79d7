package httpserver

import (
	"bytes"
	"sync"
	"time"
)

// patience is how long a test waits for what must happen before it fails instead of hanging.
const patience = 20 * time.Second

// syncBuffer may be written and read concurrently.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
