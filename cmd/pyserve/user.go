package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/trustedpath"
)

// An identity is whom the application runs as.
type identity struct {
	credential syscall.Credential
	variables  []string // for the environment
}

// identity looks up --user and --group; nil when neither is given, and when the process is that user already, who may
// change nothing.
func (c *cli) identity() (*identity, error) {
	if c.User == "" && c.Group == "" {
		return nil, nil
	}
	id := &identity{credential: syscall.Credential{Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())}}
	var errs []error
	if c.User != "" {
		errs = append(errs, id.setUser(c.User))
	}
	if c.Group != "" {
		errs = append(errs, id.setGroup(c.Group))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	switch own := int(id.credential.Uid) == os.Geteuid() && int(id.credential.Gid) == os.Getegid(); {
	case os.Geteuid() == 0:
		return id, nil
	case own:
		return nil, nil
	}
	return nil, errors.New("--user and --group need root: start pyserve as root, or leave them out")
}

// setUser takes a name, or a number, which need not be in the user database (containers often have none): such a user's
// group has the same number, unless --group says otherwise, and the home is the root folder.
func (id *identity) setUser(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			n, valid := number(name)
			if !valid {
				return fmt.Errorf("--user %s: there is no such user", name)
			}
			id.credential.Uid, id.credential.Gid = n, n
			id.variables = []string{"HOME=/", "USER=" + name, "LOGNAME=" + name}
			return nil
		}
	}
	groups, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("--user %s: its groups: %w", name, err)
	}
	id.credential.Uid, _ = number(u.Uid) // the user database has numbers
	id.credential.Gid, _ = number(u.Gid)
	for _, group := range groups {
		gid, _ := number(group)
		id.credential.Groups = append(id.credential.Groups, gid)
	}
	id.variables = []string{"HOME=" + u.HomeDir, "USER=" + u.Username, "LOGNAME=" + u.Username}
	return nil
}

func (id *identity) setGroup(name string) error {
	gid, valid := number(name)
	if g, err := user.LookupGroup(name); err == nil {
		gid, valid = number(g.Gid)
	}
	if !valid {
		return fmt.Errorf("--group %s: there is no such group", name)
	}
	id.credential.Gid = gid
	id.credential.Groups = append(id.credential.Groups, gid)
	return nil
}

// number reads the number of a user or group. The highest one means "none" to the kernel.
func number(text string) (n uint32, valid bool) {
	wide, err := strconv.ParseUint(text, 10, 32)
	return uint32(wide), err == nil && wide != math.MaxUint32
}

// become makes this process the user, for good. id may be nil.
func (id *identity) become() error {
	if id == nil {
		return nil
	}
	groups := make([]int, len(id.credential.Groups))
	for i, g := range id.credential.Groups {
		groups[i] = int(g)
	}
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setgid(int(id.credential.Gid)), syscall.Setuid(int(id.credential.Uid))); err != nil {
		return fmt.Errorf("cannot become user %d and group %d: %w", id.credential.Uid, id.credential.Gid, err)
	}
	for _, variable := range id.variables {
		name, value, _ := strings.Cut(variable, "=")
		os.Setenv(name, value)
	}
	return nil
}

// prepareAccessLog sees to it that the application's user, whose processes open the access log, can do so. Nothing of
// anybody's is given to that user: only where it may not make the file, root makes it, new, and gives it away.
func (c *cli) prepareAccessLog(id *identity) error {
	if id == nil || c.AccessLog == "-" || c.AccessLog == "off" {
		return nil
	}
	try := func() error {
		f, err := httpserver.OpenLog(c.AccessLog)
		switch {
		case errors.Is(err, syscall.ENXIO): // a FIFO that nobody reads yet
			return nil
		case err != nil:
			return fmt.Errorf("cannot write the access log: %w", err)
		}
		return f.Close()
	}
	err := id.do(try)
	if errors.Is(err, fs.ErrPermission) {
		if err = id.create(c.AccessLog); err == nil {
			err = id.do(try)
		}
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the application's user (%s) may not write the access log %s: give the file, or its folder, to that user",
			id, c.AccessLog)
	}
	return err
}

// create makes a file that is the user's.
func (id *identity) create(path string) error {
	place, err := trustedpath.Find(path)
	if err != nil {
		return fmt.Errorf("cannot write the access log: %w", err)
	}
	defer place.Close()
	f, err := place.Create(0o640)
	if err != nil {
		return fmt.Errorf("cannot write the access log: %w", err)
	}
	defer f.Close()
	return f.Chown(int(id.credential.Uid), int(id.credential.Gid))
}

// String names the user as the kernel knows it.
func (id *identity) String() string {
	return fmt.Sprintf("uid %d, gid %d", id.credential.Uid, id.credential.Gid)
}
