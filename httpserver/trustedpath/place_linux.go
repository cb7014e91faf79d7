package trustedpath

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links a path may have, as in the kernel.
const maxLinks = 40

// attempts is how often a file may appear or disappear between two calls.
const attempts = 3

// Place is a name in a folder that is held open. Its methods never follow a link that has the name.
type Place struct {
	path  string // for error messages
	dir   int    // of the folder, opened with O_PATH
	name  string
	magic bool // what has the name is a link of procfs, which only the kernel can follow
}

// Find returns the place of path, whose last component is not followed and need not be there. The caller closes it.
func Find(path string) (*Place, error) { return find(path, false) }

// OpenFile is os.OpenFile with O_NOCTTY, but for root links of others are not followed, and neither is anything opened that is
// not a regular file, a FIFO or a character device, nor a file with several names in a folder of others.
func OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	if !powerful() {
		return os.OpenFile(path, flag|unix.O_NOCTTY, perm)
	}
	p, err := find(path, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Close() }()
	return p.open(flag, perm)
}

// powerful reports whether the calling thread has root's powers over files (setfsuid(2) called with what is not a user, reports it).
func powerful() bool {
	uid, _ := unix.SetfsuidRetUid(-1)
	return uid == 0
}

func find(path string, last bool) (*Place, error) {
	w := walk{path: path, todo: path, last: last}
	if !strings.HasPrefix(path, "/") {
		folder, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		w.todo = folder + "/" + path // which nobody cleans: a/link/../b is beside what the link leads to
	}
	var err error
	if w.dir, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	for {
		place, err := w.step()
		if err != nil {
			unix.Close(w.dir)
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		if place != nil {
			return place, nil
		}
	}
}

// walk is on its way along a path.
type walk struct {
	path, todo string // the rest of the way, from dir
	dir        int
	last       bool // whether the last component is followed
	links      int
}

// step goes on by one component. It returns the place once it has come to the last one.
func (w *walk) step() (*Place, error) {
	name, rest, _ := strings.Cut(strings.TrimLeft(w.todo, "/"), "/")
	rest = strings.TrimLeft(rest, "/")
	if name == "" {
		return nil, unix.EISDIR
	}
	end := &Place{path: w.path, dir: w.dir, name: name}
	if rest == "" && !w.last {
		return end, nil
	}
	fd, err := unix.Openat(w.dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if rest == "" && err == unix.ENOENT {
		return end, nil
	}
	if err != nil {
		return nil, err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		unix.Close(fd)
		return nil, err
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFLNK {
		defer unix.Close(fd)
		return w.follow(fd, stat.Uid, rest, end)
	}
	if rest == "" {
		unix.Close(fd)
		return end, nil
	}
	unix.Close(w.dir)
	w.dir, w.todo = fd, rest // what is not a folder fails at the next step
	return nil, nil
}

// follow goes on where the link fd leads, if that may be.
func (w *walk) follow(fd int, owner uint32, rest string, end *Place) (*Place, error) {
	if w.links++; w.links > maxLinks {
		return nil, unix.ELOOP
	}
	if powerful() && owner != 0 {
		return nil, ErrLink
	}
	var system unix.Statfs_t
	if err := unix.Fstatfs(fd, &system); err == nil && system.Type == unix.PROC_SUPER_MAGIC && rest == "" {
		end.magic = true // nobody makes links there, and not all that they lead to has a name
		return end, nil
	}
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buffer)
	if err != nil {
		return nil, err
	}
	target := string(buffer[:n])
	if strings.HasPrefix(target, "/") {
		root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		unix.Close(w.dir)
		w.dir = root
	}
	w.todo = target + "/" + rest
	return nil, nil
}

// Close lets go of the folder.
func (p *Place) Close() error { return unix.Close(p.dir) }

// Create makes a regular file, which must not be there, and opens it for reading and writing.
func (p *Place) Create(perm fs.FileMode) (*os.File, error) {
	return p.openat(unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, perm)
}

// Open opens what is there for reading, without waiting for anybody. It fails for what is not a regular file.
func (p *Place) Open() (*os.File, error) {
	f, err := p.openat(unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, p.fail("open", errors.New("it is not a regular file"))
	}
	return f, nil
}

func (p *Place) openat(flag int, perm fs.FileMode) (*os.File, error) {
	if !p.magic {
		flag |= unix.O_NOFOLLOW
	}
	for {
		fd, err := unix.Openat(p.dir, p.name, flag|unix.O_CLOEXEC|unix.O_NOCTTY, uint32(perm.Perm()))
		if err == nil {
			return os.NewFile(uintptr(fd), p.path), nil
		}
		if err != unix.EINTR {
			return nil, p.fail("open", err)
		}
	}
}

// open opens for OpenFile. What is there is opened without O_CREAT, which Linux may refuse root for a file of another
// user in a folder such as /tmp (protected_regular in proc_sys_fs(5)).
func (p *Place) open(flag int, perm fs.FileMode) (*os.File, error) {
	f, err := p.openat(flag&^unix.O_CREAT, perm)
	for range attempts {
		if !errors.Is(err, fs.ErrNotExist) || flag&unix.O_CREAT == 0 {
			break
		}
		if f, err = p.openat(flag|unix.O_EXCL, perm); errors.Is(err, fs.ErrExist) { // another process was faster
			f, err = p.openat(flag&^unix.O_CREAT, perm)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := p.check(f); err != nil {
		f.Close()
		return nil, p.fail("open", err)
	}
	return f, nil
}

// check refuses what root must not write to.
func (p *Place) check(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var file, folder unix.Stat_t
	err = unix.Fstat(p.dir, &folder)
	_ = raw.Control(func(fd uintptr) { err = errors.Join(err, unix.Fstat(int(fd), &file)) })
	if err != nil || p.magic {
		return err
	}
	switch kind := file.Mode & unix.S_IFMT; {
	case kind != unix.S_IFREG && kind != unix.S_IFIFO && kind != unix.S_IFCHR:
		return errors.New("it is not a regular file, a FIFO or a character device")
	case kind == unix.S_IFREG && file.Nlink > 1 && (folder.Uid != 0 || folder.Mode&0o022 != 0):
		return ErrHardLink
	}
	return nil
}

// Stat describes what has the name.
func (p *Place) Stat() (fs.FileInfo, error) {
	f, err := p.handle()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// handle refers to what has the name, whatever it is, without opening it.
func (p *Place) handle() (*os.File, error) {
	fd, err := unix.Openat(p.dir, p.name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, p.fail("stat", err)
	}
	return os.NewFile(uintptr(fd), p.path), nil
}

// Remove removes what has the name, if it still is the file that info, of Stat, describes.
func (p *Place) Remove(info fs.FileInfo) error {
	now, err := p.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(now, info) {
		return p.fail("remove", fs.ErrExist)
	}
	if err := unix.Unlinkat(p.dir, p.name, 0); err != nil {
		return p.fail("remove", err)
	}
	return nil
}

// GiveSocket changes owner, group (-1: as it is) and permissions of a unix socket that the caller's user has just made. It refuses
// what is not one, or may be another one that was given the name meanwhile.
func (p *Place) GiveSocket(uid, gid int, perm fs.FileMode) error {
	f, err := p.handle()
	if err != nil {
		return err
	}
	defer f.Close()
	fd := int(f.Fd())
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return p.fail("stat", err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFSOCK || stat.Nlink != 1 || int(stat.Uid) != unix.Geteuid() {
		return p.fail("chown", errors.New("somebody has put something else in the socket's place"))
	}
	if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return p.fail("chown", err)
	}
	if err := os.Chmod("/proc/self/fd/"+strconv.Itoa(fd), perm); err != nil { // fchmod(2) refuses such a descriptor
		return p.fail("chmod", errors.Unwrap(err))
	}
	return nil
}

// Sibling returns another name in the same folder, which stays p's.
func (p *Place) Sibling(name string) *Place {
	return &Place{path: filepath.Join(filepath.Dir(p.path), name), dir: p.dir, name: name}
}

// Replace gives p's name to what has the name of from, a Sibling, in one step.
func (p *Place) Replace(from *Place) error {
	if err := unix.Renameat(from.dir, from.name, p.dir, p.name); err != nil {
		return p.fail("rename", err)
	}
	return nil
}

// Link gives p's name, which nothing may have, to what has the name of from too.
func (p *Place) Link(from *Place) error {
	if err := unix.Linkat(from.dir, from.name, p.dir, p.name, 0); err != nil {
		return p.fail("link", err)
	}
	return nil
}

func (p *Place) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: p.path, Err: err}
}
