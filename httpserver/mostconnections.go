//go:build unix

package httpserver

import "syscall"

// maxDescriptors is beyond any number of descriptors that a process has use for.
const maxDescriptors = 1 << 20

// MostConnections is how many connections the process's limit of open files allows, when enough of them are kept for the
// application: an eighth, and 64 at least.
func MostConnections() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return maxDescriptors
	}
	files := int(min(limit.Cur, maxDescriptors))
	return max(files-max(64, files/8), files/4)
}
