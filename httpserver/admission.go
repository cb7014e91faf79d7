package httpserver

import (
	"net"
	"net/netip"
)

// admission closes connections that are too many, of all or of one address.
type admission struct {
	o         *Options
	stats     *Stats
	full      Throttle // of lines about --max-connections
	fullOne   Throttle // and about --max-connections-per-address
	addresses Addresses
}

// admits reports whether c may stay. Whatever becomes of it then, leave is to be called.
func (a *admission) admits(c net.Conn) bool {
	l := &a.o.Limits
	if l.MaxConnections > 0 && a.stats.Connections.Load() >= int64(l.MaxConnections) {
		a.stats.TooManyConnections.Add(1)
		a.full.Log(a.o.Log, "connections are closed at once: there are as many as --max-connections allows")
		return false
	}
	key, counts := a.key(c)
	if counts && !a.addresses.Enter(key, l.MaxConnectionsPerAddress) {
		a.stats.TooManyOfAddress.Add(1)
		a.fullOne.Log(a.o.Log, "connections are closed at once: their address has as many as --max-connections-per-address allows",
			"address", key)
		return false
	}
	return true
}

// leave takes c back, which has been admitted.
func (a *admission) leave(c net.Conn) {
	if key, counts := a.key(c); counts {
		a.addresses.Leave(key)
	}
}

// key returns what c is counted by, if it is.
func (a *admission) key(c net.Conn) (key netip.Addr, counts bool) {
	peer := addrPort(c.RemoteAddr()).Addr()
	if a.o.Limits.MaxConnectionsPerAddress <= 0 || !peer.IsValid() || a.o.SharedAddress != nil && a.o.SharedAddress(peer) {
		return netip.Addr{}, false
	}
	return AddressKey(peer), true
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
