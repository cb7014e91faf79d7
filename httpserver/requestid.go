package httpserver

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
)

// maxRequestID is the longest request id taken from a peer, in bytes.
const maxRequestID = 128

// RequestIDs makes ids that no other process and no other moment makes: random bits that belong to the
// process, then a counter. One allocation and one atomic addition an id.
type RequestIDs struct {
	prefix [8]byte // hexadecimal
	last   atomic.Uint64
}

// NewRequestIDs returns a source of ids with a prefix of its own.
func NewRequestIDs() *RequestIDs {
	var random [4]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	ids := &RequestIDs{}
	putHex(ids.prefix[:], uint64(binary.BigEndian.Uint32(random[:])))
	return ids
}

// Next returns a new id of 20 hexadecimal digits.
func (ids *RequestIDs) Next() string {
	var id [20]byte
	copy(id[:], ids.prefix[:])
	putHex(id[8:], ids.last.Add(1))
	return string(id[:])
}

// putHex fills p with the last digits of v.
func putHex(p []byte, v uint64) {
	const digits = "0123456789abcdef"
	for i := len(p) - 1; i >= 0; i-- {
		p[i] = digits[v&15]
		v >>= 4
	}
}

// ValidRequestID reports whether a peer's id may go into log lines: visible ASCII, of sensible length.
func ValidRequestID(id string) bool {
	for i := 0; i < len(id); i++ {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return id != "" && len(id) <= maxRequestID
}
