package environ

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/pyserve/pyserve/httpserver"
)

const (
	schemeHTTP  = "http"
	schemeHTTPS = "https"
)

// connection is what the application learns about both ends: the truth of the socket, unless a
// trusted peer says better.
type connection struct {
	scheme string
	host   []byte         // for HTTP_HOST; empty: unknown
	name   []byte         // for SERVER_NAME; nil: the local address
	port   uint16         // for SERVER_PORT
	local  netip.Addr     // invalid on a unix socket
	client netip.AddrPort // address invalid: a unix socket; port 0: unknown
	prefix []byte         // what a trusted proxy has taken off the path
}

// connection finds it out for one request. The result points into the request.
func (bd *Builder) connection(r *httpserver.Request) connection {
	c := connection{
		scheme: schemeHTTP,
		host:   r.Host,
		port:   r.Local.Port(),
		local:  plainAddr(r.Local.Addr()),
		client: netip.AddrPortFrom(plainAddr(r.Remote.Addr()), r.Remote.Port()),
	}
	if r.Scheme == schemeHTTPS {
		c.scheme = schemeHTTPS
	}
	if bd.trusted.has(c.client.Addr()) {
		c.believe(bd, r.Fields)
	}
	if c.port == 0 {
		c.port = defaultPort(c.scheme)
	}
	return c
}

// believe replaces what the trusted peer's fields state. A port set to 0 becomes the scheme's own.
func (c *connection) believe(bd *Builder, fields []httpserver.Field) {
	h := bd.hops(c.client, fields)
	c.client = h.client
	if h.scheme != "" {
		c.scheme = h.scheme
	}
	if h.host.valid() {
		c.host, c.name, c.port = h.host.whole, h.host.host, h.host.port
	} else if h.scheme != "" {
		// The local port is the one between proxy and server: not one that clients can use.
		c.port = parseAuthority(c.host).port
	}
	if bd.believed.has(ForwardedPort) {
		c.setPort(forwardedPort(fields))
	}
	if bd.believed.has(ForwardedPrefix) {
		c.prefix = forwardedPrefix(fields)
	}
}

// hops reads those of the fields that are believed.
func (bd *Builder) hops(peer netip.AddrPort, fields []httpserver.Field) hops {
	if bd.believed.has(ForwardedStandard) {
		return bd.trusted.forwardedHops(peer, fields)
	}
	h := hops{client: peer}
	if bd.believed.has(ForwardedFor) {
		h.client = bd.trusted.forwardedClient(peer, fields)
	}
	if bd.believed.has(ForwardedProto) {
		h.scheme = forwardedScheme(fields)
	}
	if bd.believed.has(ForwardedHost) {
		h.host = forwardedHost(fields)
	}
	return h
}

// setPort makes port, if there is one, the port that clients use. Applications make URLs of HTTP_HOST, so it goes in
// there too.
func (c *connection) setPort(port uint16) {
	if port == 0 {
		return
	}
	c.port = port
	host := parseAuthority(c.host)
	if !host.valid() {
		return
	}
	c.host = host.host
	if port != defaultPort(c.scheme) {
		c.host = strconv.AppendUint(append(slices.Clone(host.host), ':'), uint64(port), 10)
	}
}

func defaultPort(scheme string) uint16 {
	if scheme == schemeHTTPS {
		return 443
	}
	return 80
}

// pack appends the connection's variables.
func (c *connection) pack(b *Block) {
	b.putString(keyURLScheme, c.scheme)
	if len(c.host) > 0 {
		b.put(keyHTTPHost, c.host)
	}
	mark := b.begin(keyServerName)
	b.buf = c.appendServerName(b.buf)
	b.end(mark)
	b.putUint(keyServerPort, uint64(c.port))
	mark = b.begin(keyRemoteAddr)
	if c.client.Addr().IsValid() {
		b.buf = c.client.Addr().AppendTo(b.buf)
	}
	b.end(mark)
	if c.client.Port() != 0 {
		b.putUint(keyRemotePort, uint64(c.client.Port()))
	}
}

// appendServerName appends the name, with brackets around an IPv6 address (RFC 3875, section 4.1.14):
// PEP 3333 makes URLs of it.
func (c *connection) appendServerName(dst []byte) []byte {
	switch {
	case c.name != nil:
		return append(dst, c.name...)
	case !c.local.IsValid():
		return append(dst, "localhost"...)
	case c.local.Is6():
		return append(c.local.AppendTo(append(dst, '[')), ']')
	}
	return c.local.AppendTo(dst)
}
