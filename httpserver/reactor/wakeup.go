//go:build linux

package reactor

import (
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// wakeup is what a thread sleeps on: a futex, not a channel. Go wakes a goroutine that is locked to its thread by
// way of another thread; the kernel wakes the thread itself. The zero value works, for one thread that waits.
type wakeup struct{ came atomic.Uint32 }

// The operations of futex(2), on memory of this process alone.
const (
	futexWait = 0 | 128
	futexWake = 1 | 128
)

// wake ends a wait, the next one if nobody waits now.
func (w *wakeup) wake() {
	if w.came.Swap(1) == 0 {
		_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&w.came)), futexWake, 1, 0, 0, 0)
	}
}

// wait waits for wake, for up to d. It reports whether it was woken.
func (w *wakeup) wait(d time.Duration) bool {
	var until *unix.Timespec
	if d < forever {
		left := unix.NsecToTimespec(int64(d))
		until = &left
	}
	for !w.came.CompareAndSwap(1, 0) {
		_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&w.came)), futexWait, 0, uintptr(unsafe.Pointer(until)), 0, 0)
		if errno == unix.ETIMEDOUT {
			return w.came.CompareAndSwap(1, 0)
		}
	}
	return true
}
