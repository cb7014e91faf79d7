package http1

import "bytes"

// checkTarget checks the form of the target (RFC 9112, section 3.2) and notes the authority of an
// absolute one.
func (p *Parser) checkTarget(buf []byte) *Error {
	method, target := p.method.of(buf), p.target.of(buf)
	switch {
	case string(method) == "CONNECT":
		if host, port, ok := cutPort(target); !ok || len(host) == 0 || len(port) == 0 {
			return errConnectTarget
		}
		return errConnect
	case target[0] == '/':
		return nil
	case string(target) == "*":
		if string(method) != "OPTIONS" {
			return errAsterisk
		}
		return nil
	}
	return p.checkAbsolute(target)
}

// checkAbsolute checks a target that should be an http or https URI (RFC 9110, section 4.2).
func (p *Parser) checkAbsolute(target []byte) *Error {
	const separator = "://"
	i := bytes.Index(target, []byte(separator))
	if i < 0 {
		return errOrigin
	}
	if scheme := target[:i]; !isFold(scheme, "http") && !isFold(scheme, "https") {
		return errScheme
	}
	authority := target[i+len(separator):]
	if end := bytes.IndexAny(authority, "/?"); end >= 0 {
		authority = authority[:end]
	}
	if bytes.IndexByte(authority, '@') >= 0 {
		return errUserinfo
	}
	if host, _, ok := cutPort(authority); !ok || len(host) == 0 {
		return errAuthority
	}
	start := p.target.start + uint32(i+len(separator))
	p.authority = span{start, start + uint32(len(authority))}
	return nil
}

// cutPort splits uri-host [":" port] (RFC 9110, section 7.2) and checks both parts. The port may be empty,
// as the grammar has it; the host only without a port.
func cutPort(authority []byte) (name, port []byte, ok bool) {
	name = authority
	after := 0 // where the colon of the port is looked for
	if len(authority) > 0 && authority[0] == '[' {
		after = bytes.IndexByte(authority, ']') + 1
	}
	if colon := bytes.IndexByte(authority[after:], ':'); colon >= 0 {
		name, port = authority[:after+colon], authority[after+colon+1:]
		if len(name) == 0 || !isPort(port) {
			return nil, nil, false
		}
	}
	if after > 0 {
		return name, port, len(name) == after && isIPv6(name[1:after-1])
	}
	return name, port, isAll(name, hostByte)
}

// isPort reports whether b is empty or a TCP port.
func isPort(b []byte) bool {
	if len(b) > len("65535") {
		return false
	}
	port := 0
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
		port = port*10 + int(c-'0')
	}
	return port <= 65535
}

// isIPv6 reports whether b is an IPv6address without a zone (RFC 3986, section 3.2.2). It is not net/netip's
// because that one allocates.
func isIPv6(b []byte) bool {
	groups, compressed := 0, false
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		b, compressed = b[2:], true
	}
	for len(b) > 0 {
		n := 0
		for n < len(b) && hexDigit(b[n]) >= 0 {
			n++
		}
		if n < len(b) && b[n] == '.' {
			if !isIPv4(b) {
				return false
			}
			groups += 2
			break
		}
		if n == 0 || n > 4 {
			return false
		}
		groups++
		b = b[n:]
		if len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return false
		}
		b = b[1:]
		if b[0] == ':' {
			if compressed {
				return false
			}
			b, compressed = b[1:], true
		}
	}
	if compressed {
		return groups < 8
	}
	return groups == 8
}

// isIPv4 reports whether b is four decimal octets without leading zeros.
func isIPv4(b []byte) bool {
	for octet := range 4 {
		n, v := 0, 0
		for n < len(b) && n < 4 && isDigit(b[n]) {
			v = v*10 + int(b[n]-'0')
			n++
		}
		if n == 0 || v > 255 || n > 1 && b[0] == '0' {
			return false
		}
		b = b[n:]
		if octet == 3 {
			break
		}
		if len(b) == 0 || b[0] != '.' {
			return false
		}
		b = b[1:]
	}
	return len(b) == 0
}
