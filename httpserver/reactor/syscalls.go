//go:build linux

package reactor

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawRead and rawWrite skip the Go scheduler's bookkeeping of system calls that may block: these do not, the
// descriptors are non-blocking. p must not be empty.
func rawRead(fd int, p []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func rawWrite(fd int, p []byte) (int, error) {
	// MSG_NOSIGNAL, as the signal of a broken pipe would be for a thread of Python's.
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// rawWritev sends several slices, none of them empty, by one call.
func rawWritev(fd int, vector []unix.Iovec) (int, error) {
	message := unix.Msghdr{Iov: &vector[0]}
	message.SetIovlen(len(vector))
	n, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&message)), unix.MSG_NOSIGNAL)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// disconnect resets a TCP connection, whoever else has a descriptor of it: connect(2) to AF_UNSPEC, where
// SO_LINGER would need this descriptor to be the last.
func disconnect(fd int) {
	address := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&address)), unsafe.Sizeof(address))
}
