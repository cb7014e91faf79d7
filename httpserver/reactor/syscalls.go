//go:build linux

package reactor

import (
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver/internal/disk"
)

// injected is nil but in tests of what the kernel seldom does: called before each call on a connection, by its
// name, it may return an error to be had instead of the call; 0 is none.
var injected atomic.Pointer[func(fd int, call string) unix.Errno]

// inject returns injected's error, or nil.
func inject(fd int, call string) error {
	if f := injected.Load(); f != nil {
		if errno := (*f)(fd, call); errno != 0 {
			return errno
		}
	}
	return nil
}

// rawRead and rawWrite skip the Go scheduler's bookkeeping of system calls that may block: these do not, the
// descriptors are non-blocking. p must not be empty.
func rawRead(fd int, p []byte) (int, error) {
	if err := inject(fd, "read"); err != nil {
		return 0, err
	}
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func rawWrite(fd int, p []byte) (int, error) {
	if err := inject(fd, "write"); err != nil {
		return 0, err
	}
	// MSG_NOSIGNAL, as the signal of a broken pipe would be for a thread of Python's.
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// rawWritev sends several slices, none of them empty, by one call.
func rawWritev(fd int, vector []unix.Iovec) (int, error) {
	if err := inject(fd, "writev"); err != nil {
		return 0, err
	}
	message := unix.Msghdr{Iov: &vector[0]}
	message.SetIovlen(len(vector))
	n, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&message)), unix.MSG_NOSIGNAL)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func rawSendfile(fd int, file *os.File, offset *int64, n int) (int, error) {
	if err := inject(fd, "sendfile"); err != nil {
		return 0, err
	}
	return disk.Sendfile(fd, file, offset, n)
}

// disconnect resets a TCP connection, whoever else has a descriptor of it: connect(2) to AF_UNSPEC, where
// SO_LINGER would need this descriptor to be the last.
func disconnect(fd int) {
	address := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, _ = unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&address)), unsafe.Sizeof(address))
}
