package scoreboard

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// memory is where a board lies. The zero fd is a descriptor like any other: none is -1.
type memory struct {
	bytes  []byte
	fd     int
	mapped bool
}

// newMemory returns size bytes that other processes can map by the descriptor. Nobody can make it shorter,
// whoever gets hold of the descriptor: the next access of the others would be a bus error.
func newMemory(size int) (memory, error) {
	fd, err := unix.MemfdCreate("pyserve-scoreboard", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return memory{}, fmt.Errorf("memfd_create: %w", err)
	}
	m, err := fillMemory(fd, size)
	if err != nil {
		unix.Close(fd)
	}
	return m, err
}

func fillMemory(fd, size int) (memory, error) {
	if err := unix.Fallocate(fd, 0, 0, int64(size)); err != nil {
		return memory{}, fmt.Errorf("fallocate: %w", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return memory{}, fmt.Errorf("seal: %w", err)
	}
	return mapMemory(fd, size)
}

// openMemory maps all that is behind fd.
func openMemory(fd int) (memory, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return memory{}, fmt.Errorf("fstat: %w", err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG || stat.Size == 0 || stat.Size > math.MaxInt32 {
		return memory{}, fmt.Errorf("no scoreboard: mode %#o, %d bytes", stat.Mode, stat.Size)
	}
	return mapMemory(fd, int(stat.Size))
}

func mapMemory(fd, size int) (memory, error) {
	b, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return memory{}, fmt.Errorf("mmap: %w", err)
	}
	return memory{bytes: b, fd: fd, mapped: true}, nil
}

func (m *memory) unmap() error {
	if !m.mapped {
		return nil
	}
	m.mapped = false
	return unix.Munmap(m.bytes)
}

func (m *memory) closeDescriptor() error {
	if m.fd < 0 {
		return nil
	}
	fd := m.fd
	m.fd = -1
	return unix.Close(fd)
}

// monotonic reads CLOCK_MONOTONIC, in nanoseconds, which is what Go's own monotonic clock is on Linux.
func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("scoreboard: clock_gettime: " + err.Error()) // every Linux has this clock
	}
	return ts.Nano()
}
