package environ

import (
	"bytes"
	"net/netip"

	"github.com/pyserve/pyserve/httpserver"
)

// hops is what proxies say in Forwarded fields (RFC 7239) about a request's way.
type hops struct {
	client netip.AddrPort
	scheme string    // "": nobody said
	host   authority // invalid: nobody said
}

// forwardedHops reads the Forwarded fields from their right end, the only end that clients cannot write. Each element
// was written by the hop to the right of it, so it counts as long as that hop is trusted; those further out know
// better what the client has used. It starts at the peer, and stops at what is not an element or not an address.
func (t *trustList) forwardedHops(peer netip.AddrPort, fields []httpserver.Field) hops {
	h := hops{client: peer}
	for i := len(fields) - 1; i >= 0; i-- {
		if !equalFold(fields[i].Name, "forwarded") {
			continue
		}
		var room [4]element
		elements, ok := parseElements(room[:0], fields[i].Value)
		for j := len(elements) - 1; ok && j >= 0; j-- {
			ok = h.pass(&elements[j]) && t.has(h.client.Addr())
		}
		if !ok {
			break
		}
	}
	return h
}

// pass takes in what a trusted hop has written, and reports whether the hop before it is known.
func (h *hops) pass(e *element) bool {
	switch {
	case equalFold(e.proto, schemeHTTP):
		h.scheme = schemeHTTP
	case equalFold(e.proto, schemeHTTPS):
		h.scheme = schemeHTTPS
	}
	if host := parseAuthority(e.host); host.valid() {
		h.host = host
	}
	if len(e.node) == 0 {
		return false
	}
	hop, ok := parseHop(e.node)
	if ok {
		h.client = hop
	}
	return ok
}

// element is a forwarded-element. Its parts are without quotes; empty: not given.
type element struct {
	node, proto, host []byte
}

// maxElements is how many elements of a field are read: no chain of proxies is longer.
const maxElements = 64

// parseElements appends the elements of a field's value to dst. It reports false when the value is malformed: it is
// worth nothing then, since a client's open quote could swallow what a proxy has appended. Quoted pairs are taken for
// malformed too; no address or host needs one.
func parseElements(dst []element, value []byte) (elements []element, ok bool) {
	for {
		var e element
		if value, ok = e.parse(value); !ok {
			return nil, false
		}
		if e.node != nil || e.proto != nil || e.host != nil {
			dst = append(dst, e)
		}
		if len(value) == 0 {
			return dst, true
		}
		if value = value[1:]; len(dst) == maxElements { // past the comma
			return nil, false
		}
	}
}

// parse reads pairs up to a comma, which it leaves, or the end.
func (e *element) parse(value []byte) (rest []byte, ok bool) {
	for {
		value = trimLeft(value)
		if len(value) > 0 && value[0] == ';' {
			value = value[1:]
			continue
		}
		if len(value) == 0 || value[0] == ',' {
			return value, true
		}
		equals := bytes.IndexByte(value, '=')
		if equals <= 0 || bytes.ContainsAny(value[:equals], " \t,;\"") {
			return nil, false
		}
		name := value[:equals]
		text, after, valid := cutWord(value[equals+1:])
		if !valid || !e.set(name, text) {
			return nil, false
		}
		value = trimLeft(after)
		if len(value) > 0 && value[0] != ',' && value[0] != ';' {
			return nil, false
		}
	}
}

// set keeps a pair that counts. A parameter may stand once in an element (RFC 7239, section 4).
func (e *element) set(name, text []byte) bool {
	var part *[]byte
	switch {
	case equalFold(name, "for"):
		part = &e.node
	case equalFold(name, "proto"):
		part = &e.proto
	case equalFold(name, "host"):
		part = &e.host
	default:
		return true
	}
	if *part != nil || len(text) == 0 {
		return false
	}
	*part = text
	return true
}

// cutWord takes a token or a quoted-string off the front.
func cutWord(s []byte) (word, rest []byte, ok bool) {
	if len(s) == 0 || s[0] != '"' {
		end := bytes.IndexAny(s, ",; \t\"")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], true
	}
	end := bytes.IndexAny(s[1:], "\"\\")
	if end < 0 || s[1+end] == '\\' {
		return nil, nil, false
	}
	return s[1 : 1+end], s[2+end:], true
}

func trimLeft(s []byte) []byte { return bytes.TrimLeft(s, " \t") }
