//go:build !linux

package trustedpath

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Place is a name in a folder. Here the folder is found by its name each time: nothing runs with the powers of one
// user for another on these systems.
type Place struct{ path string }

// Find returns the place of path, whose last component is not followed and need not be there. The caller closes it.
func Find(path string) (*Place, error) { return &Place{path}, nil }

// OpenFile is os.OpenFile.
func OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(path, flag, perm)
}

// Close does nothing.
func (p *Place) Close() error { return nil }

// Create makes a regular file, which must not be there, and opens it for reading and writing.
func (p *Place) Create(perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(p.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
}

// Open opens what is there for reading, without waiting for anybody. It fails for what is not a regular file.
func (p *Place) Open() (*os.File, error) {
	if info, err := p.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, &fs.PathError{Op: "open", Path: p.path, Err: errors.New("it is not a regular file")})
	}
	return os.OpenFile(p.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// Stat describes what has the name.
func (p *Place) Stat() (fs.FileInfo, error) { return os.Lstat(p.path) }

// Remove removes what has the name, if it still is the file that info, of Stat, describes.
func (p *Place) Remove(info fs.FileInfo) error {
	now, err := p.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(now, info) {
		return &fs.PathError{Op: "remove", Path: p.path, Err: fs.ErrExist}
	}
	return os.Remove(p.path)
}

// GiveSocket changes owner, group (-1: as it is) and permissions of a unix socket that the caller's user has just made.
func (p *Place) GiveSocket(uid, gid int, perm fs.FileMode) error {
	return errors.Join(os.Lchown(p.path, uid, gid), os.Chmod(p.path, perm))
}

// Sibling returns another name in the same folder, which stays p's.
func (p *Place) Sibling(name string) *Place {
	return &Place{filepath.Join(filepath.Dir(p.path), name)}
}

// Replace gives p's name to what has the name of from, a Sibling, in one step.
func (p *Place) Replace(from *Place) error { return os.Rename(from.path, p.path) }

// Link gives p's name, which nothing may have, to what has the name of from too.
func (p *Place) Link(from *Place) error { return os.Link(from.path, p.path) }
