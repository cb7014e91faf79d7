package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// An identity is whom the application runs as.
type identity struct {
	credential syscall.Credential
	variables  []string // for the environment
}

// identity looks up --user and --group; nil when neither is given.
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
	if other := int(id.credential.Uid) != os.Geteuid() || int(id.credential.Gid) != os.Getegid(); other && os.Geteuid() != 0 {
		return nil, errors.New("--user and --group need root: start pyserve as root, or leave them out")
	}
	return id, nil
}

func (id *identity) setUser(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return fmt.Errorf("--user %s: there is no such user", name)
		}
	}
	groups, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("--user %s: its groups: %w", name, err)
	}
	id.credential.Uid, id.credential.Gid = number(u.Uid), number(u.Gid)
	for _, group := range groups {
		id.credential.Groups = append(id.credential.Groups, number(group))
	}
	id.variables = []string{"HOME=" + u.HomeDir, "USER=" + u.Username, "LOGNAME=" + u.Username}
	return nil
}

func (id *identity) setGroup(name string) error {
	g, err := user.LookupGroup(name)
	if err != nil {
		if g, err = user.LookupGroupId(name); err != nil {
			return fmt.Errorf("--group %s: there is no such group", name)
		}
	}
	id.credential.Gid = number(g.Gid)
	id.credential.Groups = append(id.credential.Groups, id.credential.Gid)
	return nil
}

func number(text string) uint32 {
	n, _ := strconv.ParseUint(text, 10, 32) // the user database has numbers
	return uint32(n)
}

// becomeUser makes this process the application's user, for good.
func (c *cli) becomeUser() error {
	id, err := c.identity()
	if id == nil || err != nil {
		return err
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

// giveAccessLog makes the access log belong to the application's user, whose processes write it.
func (c *cli) giveAccessLog(id *identity) error {
	if id == nil || c.AccessLog == "-" || c.AccessLog == "off" {
		return nil
	}
	f, err := os.OpenFile(c.AccessLog, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o640)
	if errors.Is(err, syscall.ENXIO) { // a FIFO that nobody reads yet
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot write the access log: %w", err)
	}
	defer f.Close()
	return f.Chown(int(id.credential.Uid), int(id.credential.Gid))
}
