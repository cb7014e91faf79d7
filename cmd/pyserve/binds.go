package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// binds makes --bind, which may have several addresses separated by commas, one address each, with the default if
// there is none. What is relative is so to dir.
func binds(given []string, dir string) (addresses []string, err error) {
	for _, text := range given {
		for part := range strings.SplitSeq(text, ",") {
			part = strings.TrimSpace(part)
			last := len(addresses) - 1
			if name, _, _ := strings.Cut(part, "="); last >= 0 && strings.HasPrefix(addresses[last], "unix:") && slices.Contains(socketOptions, name) {
				addresses[last] += "," + part
			} else {
				addresses = append(addresses, part)
			}
		}
	}
	if len(addresses) == 0 {
		addresses = []string{"127.0.0.1:8000"}
		if port := os.Getenv("PORT"); port != "" {
			addresses = []string{"0.0.0.0:" + port}
		}
	}
	var errs []error
	seen := map[string]bool{}
	for i, address := range addresses {
		if path, ok := strings.CutPrefix(address, "unix:"); ok && path != "" && path[0] != '@' && !filepath.IsAbs(path) {
			addresses[i] = "unix:" + filepath.Join(dir, path)
		}
		same := sameAddress(addresses[i])
		if same != "" && seen[same] {
			errs = append(errs, fmt.Errorf("--bind %s is given twice: leave one of them out", address))
		}
		seen[same] = true
	}
	return addresses, errors.Join(errs...)
}

// bindsTo reports whether --bind means these listeners. A host may be a name, and port 0 any port: they are not compared.
func (c *cli) bindsTo(listeners []net.Listener) bool {
	if len(listeners) != len(c.Bind) {
		return false
	}
	for i, l := range listeners {
		if strings.HasPrefix(c.Bind[i], "fd://") { // it is not open any more
			continue
		}
		bind, address := sameAddress(c.Bind[i]), l.Addr().String()
		path, unix := strings.CutPrefix(bind, "unix:")
		_, wanted, _ := net.SplitHostPort(bind)
		_, port, _ := net.SplitHostPort(address)
		if bind != "" && (unix && path != address || !unix && wanted != port) {
			return false
		}
	}
	return true
}

// socketOptions are what may follow the path of a unix socket.
var socketOptions = []string{"mode", "owner", "group"}

// sameAddress returns what is equal for two ways of writing one address; "" for port 0, which is another one each time.
func sameAddress(bind string) string {
	if rest, ok := strings.CutPrefix(bind, "unix:"); ok {
		path, _, _ := strings.Cut(rest, ",")
		return "unix:" + path
	}
	if strings.HasPrefix(bind, "fd://") {
		return bind
	}
	host, port, err := net.SplitHostPort(bind)
	if err != nil || port == "0" {
		return ""
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String()
	}
	if host == "::" {
		host = ""
	}
	return host + ":" + strings.TrimLeft(port, "0")
}

// giveSockets makes unix sockets the application's user's and group's, and open to that group, where --bind does not say
// otherwise: the master's own are of no use to a proxy.
func (c *cli) giveSockets(id *identity) {
	if id == nil {
		return
	}
	defaults := []string{"660", fmt.Sprint(id.credential.Uid), fmt.Sprint(id.credential.Gid)}
	for i, bind := range c.Bind {
		if !strings.HasPrefix(bind, "unix:") || strings.HasPrefix(bind, "unix:@") {
			continue
		}
		for j, name := range socketOptions {
			if !strings.Contains(bind, ","+name+"=") {
				c.Bind[i] += "," + name + "=" + defaults[j]
			}
		}
	}
}
