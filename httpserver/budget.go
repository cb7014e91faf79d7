package httpserver

import (
	"errors"
	"sync/atomic"
)

// What the command gives a process, in bytes.
const (
	DefaultSpoolDisk   = 4 << 30
	DefaultSpoolMemory = 128 << 20
)

// ErrSpoolDisk means that the temporary files of all requests and responses together have as many bytes as
// they may. What [Spool] returns wraps it beside [ErrSpool].
var ErrSpoolDisk = errors.New("the temporary files have reached their bound")

// Budget is how many bytes any number of engines may have taken at the same time, of memory or of a disk, for clients that
// send or read slowly. Without one, many clients, each within its own limits, could fill either. The methods may be called
// concurrently, and on nil, which has no bound and counts nothing.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// NewBudget returns a Budget of limit bytes; with less than 0 it counts, but does not bound.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Used returns how many bytes are taken now.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}

// Take takes n bytes, or none if that is more than there may be.
func (b *Budget) Take(n int64) bool { return b.takeLeaving(0, n) }

// TakeLeavingEighth is Take for those who have another place, such as a file: an eighth of the budget is left for the others.
func (b *Budget) TakeLeavingEighth(n int64) bool {
	if b == nil {
		return true
	}
	return b.takeLeaving(b.limit/8, n)
}

func (b *Budget) takeLeaving(rest, n int64) bool {
	if b == nil {
		return true
	}
	if used := b.used.Add(n); b.limit >= 0 && used > b.limit-rest {
		b.used.Add(-n)
		return false
	}
	return true
}

// Count takes n bytes whatever the bound: for little that has to be kept.
func (b *Budget) Count(n int64) {
	if b != nil {
		b.used.Add(n)
	}
}

// Give returns n bytes that were taken or counted.
func (b *Budget) Give(n int64) { b.Count(-n) }
