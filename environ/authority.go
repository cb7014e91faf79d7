package environ

import (
	"bytes"
	"net/netip"
	"strconv"
)

// authority is a host with or without a port (RFC 3986, section 3.2). The zero value is an invalid one.
type authority struct {
	whole, host []byte // as sent; an IPv6 host keeps its brackets
	port        uint16 // 0: none was given
}

func (a authority) valid() bool {
	return len(a.host) > 0
}

// maxHostLen is the longest name that the DNS can hold.
const maxHostLen = 253

// parseAuthority reads host[:port]. It returns the zero value for anything else, user information and
// an empty port included.
func parseAuthority(s []byte) authority {
	host, port := s, uint16(0)
	if i := bytes.LastIndexByte(s, ':'); i > bytes.LastIndexByte(s, ']') {
		n, err := strconv.ParseUint(string(s[i+1:]), 10, 16)
		if err != nil || n == 0 {
			return authority{}
		}
		host, port = s[:i], uint16(n)
	}
	if len(host) == 0 || len(host) > maxHostLen || !isHost(host) {
		return authority{}
	}
	return authority{whole: s, host: host, port: port}
}

// isHost accepts a bracketed IPv6 address, and names and IPv4 addresses of letters, digits, '-', '.'
// and '_': what applications can put into a URL or compare with a list of hosts.
func isHost(host []byte) bool {
	if n := len(host); host[0] == '[' {
		a, err := netip.ParseAddr(string(host[1:max(1, n-1)]))
		return err == nil && host[n-1] == ']' && a.Is6() && a.Zone() == ""
	}
	for _, c := range host {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && !isDigit(c) && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}
