package httpserver

import (
	"os"

	"golang.org/x/sys/unix"
)

// DefaultSpoolDir is where temporary files are put if nobody says otherwise: $TMPDIR, or else /var/tmp if it can be
// written to and is not in memory, or else /tmp, which is in memory on many systems.
func DefaultSpoolDir() string {
	if os.Getenv("TMPDIR") == "" && unix.Access(onDisk, unix.W_OK|unix.X_OK) == nil && !memoryBacked(onDisk) {
		return onDisk
	}
	return os.TempDir()
}

const onDisk = "/var/tmp"

// memoryBacked reports whether the file system of a folder takes its room from the memory.
func memoryBacked(folder string) bool {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return false
	}
	return int64(s.Type) == unix.TMPFS_MAGIC || int64(s.Type) == unix.RAMFS_MAGIC //nolint:unconvert // on other processors it is another type
}
