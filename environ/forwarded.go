package environ

import (
	"bytes"
	"net/netip"
	"strconv"

	"github.com/pyserve/pyserve/httpserver"
)

// forwardedClient is the nearest hop that is not trusted: X-Forwarded-For read from its right end, the
// only end that clients cannot write. It starts at the peer, which the caller has found to be trusted,
// and stops at what is not an address. A zero port means that none is known.
func (t *trustList) forwardedClient(peer netip.AddrPort, fields []httpserver.Field) netip.AddrPort {
	client := peer
	for i := len(fields) - 1; i >= 0; i-- {
		if !equalFold(fields[i].Name, "x-forwarded-for") {
			continue
		}
		for rest := fields[i].Value; len(rest) > 0; {
			var entry []byte
			rest, entry = cutLast(rest)
			if len(entry) == 0 { // an empty list element says nothing (RFC 9110, section 5.6.1)
				continue
			}
			hop, ok := parseHop(entry)
			if !ok {
				return client
			}
			client = hop
			if !t.has(client.Addr()) {
				return client
			}
		}
	}
	return client
}

// maxHopLen is beyond the longest address with zone and port that is worth reading.
const maxHopLen = 80

// parseHop reads an entry of X-Forwarded-For: an address, with or without a port, IPv6 with or without
// brackets.
func parseHop(entry []byte) (netip.AddrPort, bool) {
	if len(entry) > maxHopLen {
		return netip.AddrPort{}, false
	}
	s := string(entry)
	if n := len(s); s[0] == '[' && s[n-1] == ']' {
		s = s[1 : n-1]
		if a, err := netip.ParseAddr(s); err != nil || !a.Is6() {
			return netip.AddrPort{}, false
		}
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(plainAddr(a), 0), true
	}
	ap, err := netip.ParseAddrPort(s)
	return netip.AddrPortFrom(plainAddr(ap.Addr()), ap.Port()), err == nil
}

// plainAddr is an address without zone and without the IPv4-mapped form: the form of REMOTE_ADDR, and
// the one that prefixes can be compared with.
func plainAddr(a netip.Addr) netip.Addr {
	return a.Unmap().WithZone("")
}

// forwardedScheme is the last value of X-Forwarded-Proto, or "" when it is neither http nor https.
func forwardedScheme(fields []httpserver.Field) string {
	value := lastValue(fields, "x-forwarded-proto")
	switch {
	case equalFold(value, schemeHTTP):
		return schemeHTTP
	case equalFold(value, schemeHTTPS):
		return schemeHTTPS
	}
	return ""
}

// forwardedHost is the last value of X-Forwarded-Host, or an invalid one when it is not host[:port].
func forwardedHost(fields []httpserver.Field) authority {
	return parseAuthority(lastValue(fields, "x-forwarded-host"))
}

// forwardedPort is the last value of X-Forwarded-Port, or 0 when it is not a port.
func forwardedPort(fields []httpserver.Field) uint16 {
	value := lastValue(fields, "x-forwarded-port")
	if len(value) == 0 || !isDigit(value[0]) {
		return 0
	}
	port, err := strconv.ParseUint(string(value), 10, 16)
	if err != nil {
		return 0
	}
	return uint16(port)
}

// maxPrefixLen is beyond any prefix that somebody would configure.
const maxPrefixLen = 1 << 10

// forwardedPrefix is the last value of X-Forwarded-Prefix, decoded and without a slash at its end; nil when it is not
// a path. "//" at its beginning would make another host of an application's redirects.
func forwardedPrefix(fields []httpserver.Field) []byte {
	value := bytes.TrimRight(lastValue(fields, "x-forwarded-prefix"), "/")
	if len(value) == 0 || len(value) > maxPrefixLen || value[0] != '/' || bytes.ContainsAny(value, "?# \t") {
		return nil
	}
	prefix := appendDecoded(nil, value)
	if prefix[0] != '/' || len(prefix) == 1 || prefix[1] == '/' || prefix[1] == '\\' {
		return nil
	}
	for _, c := range prefix {
		if c < ' ' || c == 0x7f {
			return nil
		}
	}
	return prefix
}

// lastValue returns the last element of the list in the fields of that name, the one that the nearest
// proxy wrote. It is nil when there is no such field. name is in lower case.
func lastValue(fields []httpserver.Field, name string) []byte {
	for i := len(fields) - 1; i >= 0; i-- {
		if equalFold(fields[i].Name, name) {
			_, value := cutLast(fields[i].Value)
			return value
		}
	}
	return nil
}

// cutLast takes the last element off a comma-separated list.
func cutLast(list []byte) (rest, last []byte) {
	if i := bytes.LastIndexByte(list, ','); i >= 0 {
		return list[:i], trimBlank(list[i+1:])
	}
	return nil, trimBlank(list)
}

func trimBlank(s []byte) []byte {
	return bytes.Trim(s, " \t")
}

// equalFold compares with a lower-case ASCII word. bytes.EqualFold will not do: it folds 'ſ' to 's'.
func equalFold(s []byte, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i, c := range s {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
