//go:build linux

package reactor

import (
	"net/netip"
	"sync"
)

// addresses counts the open connections of each client's address. Only those are in it that have one.
type addresses struct {
	mu   sync.Mutex
	open map[netip.Addr]int
}

// addressKey is what a client is counted by: its IPv4 address, or the network of 64 bits that its IPv6 address
// is from, in which one host may have any number of them.
func addressKey(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	network, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return network.Addr()
}

// enter counts another connection, unless there are limit already.
func (a *addresses) enter(key netip.Addr, limit int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[key] >= limit {
		return false
	}
	if a.open == nil {
		a.open = make(map[netip.Addr]int)
	}
	a.open[key]++
	return true
}

func (a *addresses) leave(key netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[key]--; a.open[key] <= 0 {
		delete(a.open, key)
	}
}

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
	key := addressKey(peer)
	if c.counted = r.addresses.enter(key, limit); !c.counted {
		r.stats.TooManyOfAddress.Add(1)
		r.fullAddress.Log(r.o.Log, "connections are closed at once: their address has as many as --max-connections-per-address allows",
			"address", key)
	}
	return c.counted
}
