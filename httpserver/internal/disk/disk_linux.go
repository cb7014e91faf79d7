package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// create uses O_TMPFILE, which needs neither a name nor its removal, where the file system knows it.
func create(dir string) (*os.File, error) {
	for {
		fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC|unix.O_EXCL, 0o600)
		switch err {
		case nil:
			return os.NewFile(uintptr(fd), dir+"/(unnamed)"), nil
		case unix.EINTR:
		case unix.EOPNOTSUPP, unix.EISDIR, unix.EINVAL, unix.ENOSYS:
			return createNamed(dir)
		default:
			return nil, &os.PathError{Op: "create a temporary file in", Path: dir, Err: err}
		}
	}
}

// Sendfile is sendfile(2) to a socket that does not block. offset is moved on.
func Sendfile(socket int, f *os.File, offset *int64, n int) (int, error) {
	if err := inject("sendfile"); err != nil {
		return 0, err
	}
	return unix.Sendfile(socket, int(f.Fd()), offset, n)
}

// ReadCached reads from offset what the page cache has, and reports whether that is all of p. It does not wait for a disk.
func ReadCached(f *os.File, p []byte, offset int64) bool {
	for n := 0; n < len(p); {
		m, err := unix.Preadv2(int(f.Fd()), [][]byte{p[n:]}, offset+int64(n), unix.RWF_NOWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil || m == 0 {
			return false
		}
		n += m
	}
	return true
}
