package httpserver

import (
	"net/netip"
	"sync"
)

// Addresses counts the open connections of each client's address, for a limit to them. Only those are in it that have
// one. The zero value works; its methods may be called concurrently.
type Addresses struct {
	mu   sync.Mutex
	open map[netip.Addr]int
}

// AddressKey is what a client is counted by: its IPv4 address, or the network of 64 bits that its IPv6 address
// is from, in which one host may have any number of them.
func AddressKey(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	network, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return network.Addr()
}

// Enter counts another connection of key, unless there are limit already.
func (a *Addresses) Enter(key netip.Addr, limit int) bool {
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

// Leave takes a connection back that Enter has counted.
func (a *Addresses) Leave(key netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[key]--; a.open[key] <= 0 {
		delete(a.open, key)
	}
}
