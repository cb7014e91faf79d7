package environ

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ParseTrusted reads the items of --trusted-proxies: CIDRs, addresses, the word "unix" for peers on a
// unix socket, "*" for every peer. Empty items are skipped. The results are for Config.TrustedProxies
// and Config.TrustUnix. The error names every bad item.
func ParseTrusted(items []string) (proxies []netip.Prefix, unix bool, err error) {
	var errs []error
	for _, item := range items {
		switch item = strings.TrimSpace(item); item {
		case "":
		case "unix":
			unix = true
		case "*":
			unix = true
			proxies = append(proxies, netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0))
		default:
			p, ok := parsePrefix(item)
			if !ok {
				errs = append(errs, fmt.Errorf("trusted proxy %q: must be an address, a CIDR, unix or *", item))
				continue
			}
			proxies = append(proxies, p)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, false, err
	}
	return proxies, unix, nil
}

// parsePrefix reads a CIDR or an address, which stands for itself alone.
func parsePrefix(s string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	return unmapped(p)
}

// unmapped turns a prefix within ::ffff:0:0/96 into the IPv4 one, because peers' addresses come unmapped.
func unmapped(p netip.Prefix) (netip.Prefix, bool) {
	if p.Addr().Is4In6() {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), p.IsValid()
}

// trustList says whose word about the client is taken.
type trustList struct {
	proxies []netip.Prefix
	unix    bool
}

// has reports whether a peer is trusted. An invalid address is a peer on a unix socket.
func (t *trustList) has(peer netip.Addr) bool {
	if !peer.IsValid() {
		return t.unix
	}
	for _, p := range t.proxies {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}
