//go:build linux

package reactor

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// table finds connections and listeners by descriptor.
type table struct {
	chunks     [maxDescriptors / chunkSize]atomic.Pointer[chunk]
	highest    atomic.Int64 // no connection's descriptor is higher
	generation atomic.Uint32

	mu        sync.Mutex
	listeners map[int]*listener // made by the first
}

const (
	maxDescriptors = 1 << 20 // a connection with a higher one is refused
	chunkSize      = 1 << 10
)

// chunk is made when the first descriptor in it is used: the table is as large as it has to be.
type chunk [chunkSize]atomic.Pointer[conn]

func (t *table) conn(fd int) *conn {
	if chunk := t.chunks[fd/chunkSize].Load(); chunk != nil {
		return chunk[fd%chunkSize].Load()
	}
	return nil
}

// add reports whether the table has room for c's descriptor.
func (t *table) add(c *conn) bool {
	if c.fd >= maxDescriptors {
		return false
	}
	c.generation = t.generation.Add(1)
	if c.generation == listenerGeneration {
		c.generation = t.generation.Add(1)
	}
	place := &t.chunks[c.fd/chunkSize]
	if place.Load() == nil {
		place.CompareAndSwap(nil, new(chunk))
	}
	place.Load()[c.fd%chunkSize].Store(c)
	for {
		high := t.highest.Load()
		if int64(c.fd) <= high || t.highest.CompareAndSwap(high, int64(c.fd)) {
			return true
		}
	}
}

func (t *table) remove(c *conn) {
	t.chunks[c.fd/chunkSize].Load()[c.fd%chunkSize].CompareAndSwap(c, nil)
}

// each calls f for every connection.
func (t *table) each(f func(c *conn)) {
	for fd := range int(t.highest.Load()) + 1 {
		if c := t.conn(fd); c != nil {
			f(c)
		}
	}
}

// listenerGeneration marks the events of listeners.
const listenerGeneration = 0

func (t *table) allListeners() []*listener {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Values(t.listeners))
}

// listener returns nil unless the event is a listener's.
func (t *table) listener(fd int, generation uint32) *listener {
	if generation != listenerGeneration {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.listeners[fd]
}
