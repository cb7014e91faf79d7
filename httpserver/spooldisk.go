package httpserver

import (
	"errors"
	"sync/atomic"
)

// ErrSpoolDisk says that the temporary files of all requests and responses together have as many bytes as
// they may. What [Spool] returns wraps it beside [ErrSpool].
var ErrSpoolDisk = errors.New("the temporary files have reached their bound")

// DefaultSpoolDisk is the bound that pyserve gives a process, in bytes.
const DefaultSpoolDisk = 4 << 30

// SpoolDisk bounds how many bytes the temporary files of any number of Spools may have together, whichever
// engine writes them: without a bound, many clients, each within its own limits, could fill a disk. Bytes are
// counted when they are written and given back when their Spool is closed; a file does not shrink while it is
// read. The methods may be called concurrently, and on nil, which has no bound and counts nothing.
type SpoolDisk struct {
	limit int64
	used  atomic.Int64
}

// NewSpoolDisk returns a bound of limit bytes; with less than 0 it counts, but does not bound.
func NewSpoolDisk(limit int64) *SpoolDisk { return &SpoolDisk{limit: limit} }

// Used returns how many bytes the temporary files have now.
func (d *SpoolDisk) Used() int64 {
	if d == nil {
		return 0
	}
	return d.used.Load()
}

// take reserves n bytes, or none: then it returns [ErrSpoolDisk].
func (d *SpoolDisk) take(n int64) error {
	if d == nil {
		return nil
	}
	if used := d.used.Add(n); d.limit >= 0 && used > d.limit {
		d.used.Add(-n)
		return ErrSpoolDisk
	}
	return nil
}

// give returns n bytes that were taken.
func (d *SpoolDisk) give(n int64) {
	if d != nil {
		d.used.Add(-n)
	}
}
