package nethttp

import (
	"net"
	"net/netip"

	"github.com/pyserve/pyserve/httpserver"
)

// admission closes connections that are too many, of all or of one address.
type admission struct {
	e         *engine
	full      httpserver.Throttle // of lines about Limits.MaxConnections
	addresses httpserver.Addresses
}

// admits reports whether c may stay. Whatever becomes of it then, leave is to be called.
func (a *admission) admits(c net.Conn) bool {
	e := a.e
	if e.counters.Connections.Load() >= int64(e.limits.MaxConnections) {
		e.counters.TooManyConnections.Add(1)
		a.full.Log(e.o.Log, "connections are closed immediately: there are as many as are allowed", "option", "MaxConnections")
		return false
	}
	key, counts := a.key(c)
	return !counts || a.addresses.Enter(key, e.limits.MaxConnectionsPerAddress, e.counters, e.o.Log)
}

// dismiss takes c back, which has been admitted.
func (a *admission) dismiss(c net.Conn) {
	key, _ := a.key(c)
	a.addresses.Leave(key)
}

// key returns what c is counted by, if it is.
func (a *admission) key(c net.Conn) (key netip.Addr, counts bool) {
	return a.e.o.AddressKey(addrPort(c.RemoteAddr()).Addr(), a.e.limits.MaxConnectionsPerAddress)
}

// admitted accepts what an admission lets in.
type admitted struct {
	net.Listener
	admission *admission
}

// Accept implements net.Listener.
func (l admitted) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || l.admission.admits(c) {
			return c, err
		}
		c.Close()
	}
}
