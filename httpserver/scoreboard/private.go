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

// Private returns a worker's slot, Starting, for a process by itself with that many threads, from 1 to MaxThreads.
func Private(threads int) *Worker {
	size, err := boardSize(1, threads)
	if err != nil {
		panic(err)
	}
	w := format(memory{bytes: privateBytes(size), fd: -1}, 1, threads).Worker(0)
	w.SetState(Starting)
	return w
}
