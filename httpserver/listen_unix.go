package httpserver

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pyserve/pyserve/httpserver/trustedpath"
)

// probeTimeout is how long a server may take to accept before its socket counts as taken all the same.
const probeTimeout = time.Second

// unixListener removes its socket when it is closed, unless another server has replaced it meanwhile.
type unixListener struct {
	*socket
	path  string
	own   fs.FileInfo // what the path named after bind(2)
	close func() error
}

func listenUnix(bind, rest string) (net.Listener, error) {
	at, err := parseUnix(bind, rest)
	if err != nil {
		return nil, err
	}
	if abstract(at.path) {
		s, err := at.bind()
		if err != nil {
			return nil, explainUnix(at.path, err)
		}
		return s, nil
	}
	s, err := at.bind()
	if errors.Is(err, syscall.EADDRINUSE) {
		if err := removeStale(at.path); err != nil {
			return nil, err
		}
		s, err = at.bind()
	}
	if err != nil {
		return nil, explainUnix(at.path, err)
	}
	ours, err := ownUnix(s, at.path)
	if err != nil {
		return nil, explainUnix(at.path, err)
	}
	if err := at.give(); err != nil {
		ours.Close()
		return nil, explainUnix(at.path, err)
	}
	return ours, nil
}

// ownUnix makes closing s remove the socket from its folder.
func ownUnix(s *socket, path string) (net.Listener, error) {
	own, err := statPlace(path)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	ours := &unixListener{socket: s, path: path, own: own}
	ours.close = sync.OnceValue(ours.closeAndRemove)
	return ours, nil
}

// statPlace describes what has the path's name.
func statPlace(path string) (fs.FileInfo, error) {
	place, err := trustedpath.Find(path)
	if err != nil {
		return nil, err
	}
	defer place.Close()
	return place.Stat()
}

// abstract reports whether path is a name in Linux's abstract namespace, which leaves no file (unix(7)).
func abstract(path string) bool { return strings.HasPrefix(path, "@") }

// Close stops listening and removes the socket.
func (l *unixListener) Close() error { return l.close() }

func (l *unixListener) closeAndRemove() error {
	if place, err := trustedpath.Find(l.path); err == nil {
		_ = place.Remove(l.own)
		place.Close()
	}
	return l.socket.Close()
}

// removeStale removes the socket of a server that is gone. Only a refused connection proves that.
func removeStale(path string) error {
	place, err := trustedpath.Find(path)
	if err != nil {
		return explainUnix(path, err)
	}
	defer place.Close()
	info, err := place.Stat()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return explainUnix(path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return unixError(path, "the path exists and is not a socket: remove it or choose another path", syscall.EADDRINUSE)
	}
	c, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		c.Close()
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		return unixError(path, "the socket exists and belongs to somebody else: remove it or choose another path", err)
	default:
		return unixError(path, inUse, syscall.EADDRINUSE)
	}
	switch err := place.Remove(info); {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrExist): // somebody has been faster
		return unixError(path, inUse, syscall.EADDRINUSE)
	case err != nil:
		return explainUnix(path, err)
	}
	return nil
}

const inUse = "another server is listening on that socket: stop it or choose another path"

func unixError(path, problem string, err error) error {
	return &ListenError{Bind: "unix:" + path, Problem: problem, Err: err}
}

// explainUnix says what the operating system's answer means for a path.
func explainUnix(path string, err error) error {
	folder := filepath.Dir(path)
	problem := err.Error()
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		problem = inUse
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENAMETOOLONG):
		problem = fmt.Sprintf("the path has %d bytes, which is more than the system allows for a socket (107 on Linux): choose a shorter one", len(path))
	case errors.Is(err, syscall.EPERM):
		problem = "no permission to change the socket's owner, group or mode: only root may give a socket to another user, or to a group that it is not in"
	case errors.Is(err, fs.ErrPermission):
		problem = fmt.Sprintf("no permission to create a socket in %s: change its owner or mode, or choose another folder", folder)
	case errors.Is(err, fs.ErrNotExist):
		problem = fmt.Sprintf("the folder %s does not exist: create it first", folder)
	case errors.Is(err, syscall.ENOTDIR):
		problem = fmt.Sprintf("%s is not a folder: choose another path", folder)
	case errors.Is(err, syscall.EROFS):
		problem = fmt.Sprintf("the folder %s is on a read-only file system: choose another one", folder)
	case errors.Is(err, trustedpath.ErrLink):
		problem = trustedpath.ErrLink.Error()
	}
	return unixError(path, problem, err)
}
