//go:build !linux

package scoreboard

import "errors"

// memory is where a board lies: here, memory of this process alone.
type memory struct {
	bytes []byte
	fd    int // always -1
}

func newMemory(size int) (memory, error) { return memory{privateBytes(size), -1}, nil }

func openMemory(int) (memory, error) {
	return memory{}, errors.New("no shared memory on this system: a board is for one process")
}

func (m *memory) unmap() error { return nil }

func (m *memory) closeDescriptor() error { return nil }

// monotonic needs no relation to another process's.
func monotonic() int64 { return 0 }
