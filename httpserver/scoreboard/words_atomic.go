//go:build !amd64 || race

package scoreboard

import (
	"encoding/binary"
	"sync/atomic"
)

// Here all stores of Begin are atomic: other processors than amd64's may otherwise show them in another
// order, and the race detector wants it so.

func setStamp(to *atomic.Int64, ns int64) { to.Store(ns) }

func setWord(to *atomic.Uint64, value uint64) { to.Store(value) }

// setText stores p, which fits, from the beginning of words on. What was behind it, beyond p's last word,
// stays there.
func setText(words []uint64, p []byte) {
	for i := 0; len(p) > 0; i++ {
		var word [8]byte
		n := copy(word[:], p)
		atomic.StoreUint64(&words[i], binary.NativeEndian.Uint64(word[:]))
		p = p[n:]
	}
}

// addWord adds to a word that only the calling thread writes.
func addWord(to *uint64, n uint64) { atomic.StoreUint64(to, atomic.LoadUint64(to)+n) }
