package httpserver

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"github.com/pyserve/pyserve/httpserver/trustedpath"
)

// unixAddress is what "unix:PATH,mode=660,owner=USER,group=GROUP" says.
type unixAddress struct {
	path     string
	uid, gid int // -1 for those that bind(2) gives the socket
	mode     fs.FileMode
	options  bool // one of the three is given
	hasMode  bool
}

// parseUnix reads what follows "unix:". Commas that no option follows belong to the path.
func parseUnix(bind, rest string) (a unixAddress, err error) {
	a = unixAddress{path: rest, uid: -1, gid: -1}
	fail := func(problem string, args ...any) (unixAddress, error) {
		return a, &ListenError{Bind: bind, Problem: fmt.Sprintf(problem, args...)}
	}
	for {
		path, last, found := cutLast(a.path, ",")
		name, value, isOption := strings.Cut(last, "=")
		if !found || !isOption {
			break
		}
		switch name {
		case "mode":
			mode, err := strconv.ParseUint(value, 8, 32)
			if err != nil || mode > 0o777 {
				return fail("mode=%s is not an octal number such as 660", value)
			}
			a.mode, a.hasMode = fs.FileMode(mode), true
		case "owner":
			if a.uid, err = lookup(value, userID); err != nil {
				return fail("owner=%s: there is no such user", value)
			}
		case "group":
			if a.gid, err = lookup(value, groupID); err != nil {
				return fail("group=%s: there is no such group", value)
			}
		default:
			return fail("%s is not an option of a unix socket: there are mode=, owner= and group=", name)
		}
		a.path, a.options = path, true
	}
	switch {
	case a.path == "", a.path == "@":
		return fail("it has no path: write unix:PATH, or unix:@NAME for an abstract socket")
	case a.options && abstract(a.path):
		return fail("an abstract socket has no mode, owner or group: every process of this machine may connect")
	}
	return a, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// lookup returns the number that a name has in the user database, or that it is.
func lookup(name string, find func(string) (string, error)) (int, error) {
	text, err := find(name)
	if err != nil {
		text = name
	}
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err
}

func userID(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func groupID(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

// bind makes the socket. One that is to have other permissions than the umask leaves has few at first.
func (a unixAddress) bind() (*socket, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if a.hasMode {
			return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) }) // Linux makes the file with them
		}
		return nil
	}}
	l, err := config.Listen(context.Background(), "unix", a.path)
	if err != nil {
		return nil, err
	}
	return newSocket(l)
}

// give makes the socket what the options say.
func (a unixAddress) give() error {
	if !a.options {
		return nil
	}
	place, err := trustedpath.Find(a.path)
	if err != nil {
		return err
	}
	defer place.Close()
	uid := a.uid
	if uid == os.Geteuid() {
		uid = -1
	}
	if !a.hasMode {
		info, err := place.Stat()
		if err != nil {
			return err
		}
		a.mode = info.Mode().Perm()
	}
	return place.GiveSocket(uid, a.gid, a.mode)
}
