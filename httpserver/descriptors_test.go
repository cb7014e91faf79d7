package httpserver

import "syscall"

// isSocket reports whether fd is an open socket.
func isSocket(fd int) bool {
	_, err := syscall.Getsockname(fd)
	return err == nil
}
