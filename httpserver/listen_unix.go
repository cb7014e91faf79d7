package httpserver

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// probeTimeout is how long a server may take to accept before its socket counts as taken all the same.
const probeTimeout = time.Second

// unixListener removes its socket when it is closed, unless another server has replaced it meanwhile.
type unixListener struct {
	*net.UnixListener
	path  string
	own   fs.FileInfo // what the path named after bind(2)
	close func() error
}

func listenUnix(bind, path string) (net.Listener, error) {
	if path == "" {
		return nil, &ListenError{Bind: bind, Problem: "it has no path: write unix:PATH"}
	}
	addr := &net.UnixAddr{Name: path, Net: "unix"}
	l, err := net.ListenUnix("unix", addr)
	if errors.Is(err, syscall.EADDRINUSE) && !abstract(path) {
		if err := removeStale(bind, path); err != nil {
			return nil, err
		}
		l, err = net.ListenUnix("unix", addr)
	}
	if err != nil {
		return nil, explainUnix(bind, path, err)
	}
	if abstract(path) {
		return l, nil
	}
	ours, err := ownUnix(l, path)
	if err != nil {
		return nil, explainUnix(bind, path, err)
	}
	return ours, nil
}

// ownUnix makes closing l remove its socket.
func ownUnix(l *net.UnixListener, path string) (net.Listener, error) {
	l.SetUnlinkOnClose(false) // net would remove whatever has the name by then
	own, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, err
	}
	ours := &unixListener{UnixListener: l, path: path, own: own}
	ours.close = sync.OnceValue(ours.closeAndRemove)
	return ours, nil
}

// abstract reports whether path is a name in Linux's abstract namespace, which leaves no file (unix(7)).
func abstract(path string) bool { return strings.HasPrefix(path, "@") }

// Close stops listening and removes the socket.
func (l *unixListener) Close() error { return l.close() }

func (l *unixListener) closeAndRemove() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.own) {
		os.Remove(l.path)
	}
	return l.UnixListener.Close()
}

// removeStale removes the socket of a server that is gone. Only a refused connection proves that.
func removeStale(bind, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return explainUnix(bind, path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return &ListenError{Bind: bind, Problem: "the path exists and is not a socket: remove it or choose another path", Err: syscall.EADDRINUSE}
	}
	c, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		c.Close()
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		return &ListenError{Bind: bind, Problem: "the socket exists and belongs to somebody else: remove it or choose another path", Err: err}
	default:
		return &ListenError{Bind: bind, Problem: "another server is listening on that socket: stop it or choose another path", Err: syscall.EADDRINUSE}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explainUnix(bind, path, err)
	}
	return nil
}

// explainUnix says what the operating system's answer means for a path.
func explainUnix(bind, path string, err error) error {
	problem := err.Error()
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		problem = "another server is listening on that socket: stop it or choose another path"
	case errors.Is(err, syscall.EINVAL):
		problem = fmt.Sprintf("the path has %d bytes, which is more than the system allows for a socket (107 on Linux): choose a shorter one", len(path))
	case errors.Is(err, fs.ErrPermission):
		problem = fmt.Sprintf("no permission to create a socket in %s: change its owner or mode, or choose another folder", filepath.Dir(path))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		problem = fmt.Sprintf("the folder %s does not exist: create it first", filepath.Dir(path))
	}
	return &ListenError{Bind: bind, Problem: problem, Err: err}
}
