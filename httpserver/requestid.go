package httpserver

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
)

// maxRequestID is the longest request id taken from a peer, in bytes.
const maxRequestID = 128

// RequestIDs are ids that no other process and no other moment makes: random bits that belong to the process, then a
// counter. They are handed out in blocks. The methods may be called concurrently.
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

const (
	requestIDLength   = 20
	requestIDsOfBlock = 64
)

// RequestIDBlock takes ids from a source in blocks: one allocation, and one atomic addition, for many requests. A handler
// may keep an id, and with it the block. It is not safe for concurrent use.
type RequestIDBlock struct {
	source *RequestIDs
	left   string
}

// Block returns a RequestIDBlock that takes ids from s.
func (s *RequestIDs) Block() RequestIDBlock { return RequestIDBlock{source: s} }

// Next returns a new id of 20 hexadecimal digits.
func (b *RequestIDBlock) Next() string {
	if b.left == "" {
		b.fill()
	}
	id := b.left[:requestIDLength]
	b.left = b.left[requestIDLength:]
	return id
}

func (b *RequestIDBlock) fill() {
	var block [requestIDLength * requestIDsOfBlock]byte
	first := b.source.last.Add(requestIDsOfBlock) - requestIDsOfBlock + 1
	for i := range uint64(requestIDsOfBlock) {
		id := block[i*requestIDLength:][:requestIDLength]
		putHex(id[copy(id, b.source.prefix[:]):], first+i)
	}
	b.left = string(block[:])
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
