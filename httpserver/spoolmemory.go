package httpserver

import "sync/atomic"

// DefaultSpoolMemory is the bound that pyserve gives a process, in bytes.
const DefaultSpoolMemory = 128 << 20

// SpoolMemory bounds how much memory a process has for what clients have sent in part, or have not taken yet: the Spools of all
// requests and responses, and what an engine has received and cannot use yet. Without a bound, many slow clients, each within
// its own limits, could fill the memory. Over it, a Spool begins in its file; an eighth is left for the heads of requests, for
// which there is no file. The methods may be called concurrently, and on nil, which has no bound and counts nothing.
type SpoolMemory struct {
	limit int64
	used  atomic.Int64
}

// NewSpoolMemory returns a bound of limit bytes; with less than 0 it counts, but does not bound.
func NewSpoolMemory(limit int64) *SpoolMemory { return &SpoolMemory{limit: limit} }

// Used returns how many bytes are taken now.
func (m *SpoolMemory) Used() int64 {
	if m == nil {
		return 0
	}
	return m.used.Load()
}

// Take reserves n bytes, or none if they are more than there may be.
func (m *SpoolMemory) Take(n int64) bool { return m == nil || m.takeBelow(m.limit, n) }

func (m *SpoolMemory) takeForSpool(n int64) bool {
	return m == nil || m.takeBelow(m.limit-m.limit/8, n)
}

func (m *SpoolMemory) takeBelow(limit, n int64) bool {
	if used := m.used.Add(n); m.limit >= 0 && used > limit {
		m.used.Add(-n)
		return false
	}
	return true
}

// Count reserves n bytes whatever the bound: for little that has to be kept.
func (m *SpoolMemory) Count(n int64) {
	if m != nil {
		m.used.Add(n)
	}
}

// Give returns n bytes that were taken or counted.
func (m *SpoolMemory) Give(n int64) {
	if m != nil {
		m.used.Add(-n)
	}
}
