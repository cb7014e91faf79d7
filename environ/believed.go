package environ

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Forwarded is a set of the facts that trusted proxies are believed about. A field that a proxy does not write itself
// comes from the client, so only those belong into the set that every trusted proxy sets or removes.
type Forwarded uint8

const (
	// ForwardedFor is X-Forwarded-For: REMOTE_ADDR.
	ForwardedFor Forwarded = 1 << iota
	// ForwardedProto is X-Forwarded-Proto: wsgi.url_scheme.
	ForwardedProto
	// ForwardedHost is X-Forwarded-Host: HTTP_HOST, SERVER_NAME and SERVER_PORT.
	ForwardedHost
	// ForwardedPort is X-Forwarded-Port: SERVER_PORT, and the port in HTTP_HOST.
	ForwardedPort
	// ForwardedPrefix is X-Forwarded-Prefix: what the proxy has taken off the path, in front of SCRIPT_NAME.
	ForwardedPrefix
	// ForwardedStandard is Forwarded (RFC 7239), in place of X-Forwarded-For, -Proto and -Host.
	ForwardedStandard

	// DefaultForwarded are the facts that all usual proxies set.
	DefaultForwarded = ForwardedFor | ForwardedProto
)

var forwardedNames = [...]string{"for", "proto", "host", "port", "prefix", "forwarded"}

// String returns the names as ParseForwarded reads them, joined by commas.
func (f Forwarded) String() string {
	var names []string
	for i, name := range forwardedNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// ParseForwarded reads the items of --forwarded: "for", "proto", "host", "port", "prefix", "forwarded". No items mean
// [DefaultForwarded]. The error names every unknown item.
func ParseForwarded(items []string) (Forwarded, error) {
	var set Forwarded
	var errs []error
	for _, item := range items {
		i := slices.Index(forwardedNames[:], strings.TrimSpace(item))
		if i < 0 {
			errs = append(errs, fmt.Errorf("forwarded %q: must be one of %s", item, strings.Join(forwardedNames[:], ", ")))
			continue
		}
		set |= 1 << i
	}
	if len(items) == 0 {
		set = DefaultForwarded
	}
	return set, errors.Join(append(errs, set.check())...)
}

// check refuses sets in which two fields state the same fact: a proxy writes one of them, and the other is the client's.
func (f Forwarded) check() error {
	both := f & (ForwardedFor | ForwardedProto | ForwardedHost)
	if f&ForwardedStandard != 0 && both != 0 {
		return fmt.Errorf("forwarded: %q and %q exclude each other: name the fields that the proxy writes itself",
			ForwardedStandard, both)
	}
	return nil
}

func (f Forwarded) has(fact Forwarded) bool { return f&fact != 0 }
