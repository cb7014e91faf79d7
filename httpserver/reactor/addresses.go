//go:build linux

package reactor

import "github.com/pyserve/pyserve/httpserver"

// admitAddress reports whether c's address may have another connection, and counts it then. What closes c gives
// it back.
func (r *Reactor) admitAddress(c *conn) bool {
	limit, peer := r.o.MaxConnectionsPerAddress, c.remote.Addr()
	if limit <= 0 || !peer.IsValid() {
		return true
	}
	if shared := r.o.HTTP.SharedAddress; shared != nil && shared(peer) {
		return true
	}
	key := httpserver.AddressKey(peer)
	if c.counted = r.addresses.Enter(key, limit); !c.counted {
		r.stats.TooManyOfAddress.Add(1)
		r.fullAddress.Log(r.o.Log, "connections are closed at once: their address has as many as --max-connections-per-address allows",
			"address", key)
	}
	return c.counted
}
