package httpserver

import (
	"os"
	"syscall"

	"github.com/pyserve/pyserve/httpserver/trustedpath"
)

// standardStreams are the names of descriptors that every process of a server has. They are not opened again, which
// fails for sockets, and for pipes of another user's.
var standardStreams = map[string]int{
	"/dev/stdout": 1, "/dev/fd/1": 1, "/proc/self/fd/1": 1, "/dev/stderr": 2, "/dev/fd/2": 2, "/proc/self/fd/2": 2,
}

// OpenLog opens the file path to append to it, and makes it when it is missing (mode 0640). Root follows no
// link of another user, see package trustedpath. The error is syscall.ENXIO for a FIFO that nobody reads yet.
func OpenLog(path string) (*os.File, error) {
	if fd, standard := standardStreams[path]; standard {
		copied, err := syscall.Dup(fd)
		if err != nil {
			return nil, os.NewSyscallError("dup", err)
		}
		syscall.CloseOnExec(copied)
		return os.NewFile(uintptr(copied), path), nil
	}
	return trustedpath.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o640)
}
