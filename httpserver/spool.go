package httpserver

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/pyserve/pyserve/httpserver/internal/disk"
)

// ErrSpool is wrapped by what [Spool] returns when it cannot keep content: the temporary file could not
// be created, written or read, or would be too much for the [Budget] of the disk. Errors of the source of the content
// are never wrapped so.
var ErrSpool = errors.New("cannot spool")

// minSpoolMemory is what a Spool begins with when it does not know better, in bytes.
const minSpoolMemory = 4 << 10

// Spool keeps content to be read later, in memory while it is small, then in a temporary file without a name, so
// that nothing is left after a crash. Write first, then read: reading starts at the beginning. It implements
// [io.ReadSeeker], [io.Writer], [io.ReaderFrom] and [io.Closer]. It is not safe for concurrent use.
//
// Once [Spool.OnDisk] reports true, Write, Read and Close may wait for the disk.
type Spool struct {
	limit  int
	dir    string
	disk   *Budget                            // all of file is taken of it
	bound  *Budget                            // all of memory's capacity is taken of it
	create func(dir string) (*os.File, error) // tests put a full disk here

	memory []byte // all of the content while file is nil
	file   *os.File
	taken  int64 // of disk
	size   int64
	pos    int64 // where Read goes on
	closed bool
}

// NewSpool returns an empty Spool that keeps up to limit bytes in memory and more than that in a file in
// the folder dir, DefaultSpoolDir() when dir is empty. Its file counts in bound, which may be nil.
func NewSpool(limit int, dir string, bound *Budget) *Spool {
	return &Spool{limit: max(limit, 0), dir: dir, disk: bound, create: disk.Create}
}

// CheckSpoolDir reports why a Spool could not make its file in the folder dir, DefaultSpoolDir() when dir is empty.
func CheckSpoolDir(dir string) error {
	dir = cmp.Or(dir, DefaultSpoolDir())
	f, err := disk.Create(dir)
	if err == nil {
		return f.Close()
	}
	var place *fs.PathError
	if errors.As(err, &place) {
		err = place.Err // not the name of a file that nobody has asked for
	}
	return fmt.Errorf("no temporary file can be made in %s, as user %d: %w", dir, os.Geteuid(), err)
}

// Size returns the number of bytes written.
func (s *Spool) Size() int64 { return s.size }

// Write appends p, or what of it the disk has room for. The error wraps [ErrSpool].
func (s *Spool) Write(p []byte) (n int, err error) {
	if s.closed {
		return 0, os.ErrClosed
	}
	if s.file == nil && !s.Reserve(len(p)) {
		if err := s.moveToFile(); err != nil {
			return 0, err
		}
	}
	if s.file == nil {
		s.memory = append(s.memory, p...)
		n = len(p)
	} else {
		n, err = s.writeFile(p)
	}
	s.size += int64(n)
	return n, spoolError(err)
}

// OnDisk reports whether the content is in a file.
func (s *Spool) OnDisk() bool { return s.file != nil }

// Reserve reports whether the next n bytes that are written stay in memory, for which it makes room.
func (s *Spool) Reserve(n int) bool {
	need := len(s.memory) + n
	switch {
	case s.file != nil || need > s.limit:
		return false
	case need <= cap(s.memory):
		return true
	}
	return s.grow(min(max(need, 2*cap(s.memory), minSpoolMemory), s.limit)) || s.grow(need)
}

// Keep appends p to what is in memory, whatever the bounds: it is for little that must not wait for a disk. It may not be
// called when the content is in a file.
func (s *Spool) Keep(p []byte) {
	if need := len(s.memory) + len(p); need > cap(s.memory) {
		s.bound.Count(int64(need - cap(s.memory)))
		s.move(need)
	}
	s.memory = append(s.memory, p...)
	s.size += int64(len(p))
}

// ReadFrom appends all that src has, up to io.EOF. The error is src's own, or wraps [ErrSpool]. Memory
// grows with what has come, not with what was announced.
func (s *Spool) ReadFrom(src io.Reader) (n int64, err error) {
	if s.closed {
		return 0, os.ErrClosed
	}
	for s.file == nil {
		// At most one byte more than the limit: that byte shows that it is passed.
		if len(s.memory) == cap(s.memory) && !s.grow(min(max(2*cap(s.memory), minSpoolMemory), s.limit+1)) {
			if err := s.moveToFile(); err != nil {
				return n, err
			}
			break
		}
		m, err := src.Read(s.memory[len(s.memory):cap(s.memory)])
		s.memory = s.memory[:len(s.memory)+m]
		s.size += int64(m)
		n += int64(m)
		if err != nil && err != io.EOF {
			return n, err
		}
		if len(s.memory) > s.limit {
			if err := s.moveToFile(); err != nil {
				return n, err
			}
		}
		if err == io.EOF {
			return n, nil
		}
	}
	m, err := io.Copy(appender{s}, src)
	return n + m, err
}

// grow gives memory the capacity size, unless that is more than all Spools together may have.
func (s *Spool) grow(size int) bool {
	if !s.bound.TakeLeavingEighth(int64(size - cap(s.memory))) {
		return false
	}
	s.move(size)
	return true
}

func (s *Spool) move(size int) {
	bigger := make([]byte, len(s.memory), size)
	copy(bigger, s.memory)
	s.memory = bigger
}

// forget gives the memory back.
func (s *Spool) forget() {
	s.bound.Give(int64(cap(s.memory)))
	s.memory = nil
}

// Expect prepares for n bytes, if they are so few that the client may be believed.
func (s *Spool) Expect(n int64) {
	if s.memory == nil && n > 0 && n <= min(minSpoolMemory, int64(s.limit)) {
		s.grow(int(n))
	}
}

// appender hides ReadFrom from io.Copy, which would call it again.
type appender struct{ io.Writer }

// moveToFile takes the content out of memory for good.
func (s *Spool) moveToFile() error {
	f, err := s.create(cmp.Or(s.dir, DefaultSpoolDir()))
	if err != nil {
		return spoolError(err)
	}
	s.file = f
	if _, err := s.writeFile(s.memory); err != nil {
		_ = s.closeFile()
		return spoolError(err)
	}
	s.forget()
	return nil
}

// writeFile appends p to the file, if the disk's bound allows all of it.
func (s *Spool) writeFile(p []byte) (n int, err error) {
	if !s.disk.Take(int64(len(p))) {
		return 0, ErrSpoolDisk
	}
	n, err = disk.Write(s.file, p)
	s.disk.Give(int64(len(p) - n))
	s.taken += int64(n)
	return n, err
}

// closeFile removes the file, which has no name, and gives its room back.
func (s *Spool) closeFile() error {
	err := disk.Close(s.file)
	s.disk.Give(s.taken)
	s.file, s.taken = nil, 0
	return err
}

// Read reads on from the position.
func (s *Spool) Read(p []byte) (n int, err error) {
	switch {
	case s.closed:
		return 0, os.ErrClosed
	case len(p) == 0:
		return 0, nil
	case s.pos >= s.size:
		return 0, io.EOF
	case s.file == nil:
		n = copy(p, s.memory[s.pos:])
	default:
		n, err = disk.ReadAt(s.file, p[:min(int64(len(p)), s.size-s.pos)], s.pos)
	}
	s.pos += int64(n)
	return n, spoolError(err)
}

// Seek moves the position, also beyond the end, and returns it.
func (s *Spool) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += s.pos
	case io.SeekEnd:
		offset += s.size
	default:
		return 0, fmt.Errorf("invalid whence %d", whence)
	}
	if offset < 0 {
		return 0, fmt.Errorf("negative position %d", offset)
	}
	s.pos = offset
	return offset, nil
}

// Close gives memory and disk back; every later Read and Write fails with os.ErrClosed.
func (s *Spool) Close() error {
	s.closed = true
	s.forget()
	if s.file == nil {
		return nil
	}
	return s.closeFile()
}

// spoolError marks a failure of the disk.
func spoolError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrSpool, err)
}
