package scoreboard

import "unsafe"

// cacheLine is the common size; where it is larger, two threads may share one, which costs only time.
const cacheLine = 64

// privateBytes returns size bytes of ordinary memory, all zero, that begin at a cache line.
func privateBytes(size int) []byte {
	b := make([]byte, size+cacheLine)
	skip := -uintptr(unsafe.Pointer(&b[0])) % cacheLine
	return b[skip:][:size:size]
}
