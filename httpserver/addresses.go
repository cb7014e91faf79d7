package httpserver

import (
	"log/slog"
	"net/netip"
	"sync"

	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// Addresses counts the open connections of each client's address, for Limits.MaxConnectionsPerAddress. Only those are in it
// that have one. The zero value works; its methods may be called concurrently.
type Addresses struct {
	full Throttle

	mu   sync.Mutex
	open map[netip.Addr]int
}

// AddressKey returns what a connection from peer is counted by, with a limit for each address. counts is false when it is
// not counted: there is no limit, peer has no address, or shares it with other clients.
func (o *Options) AddressKey(peer netip.Addr, limit int) (key netip.Addr, counts bool) {
	if limit <= 0 || !peer.IsValid() || o.SharedAddress != nil && o.SharedAddress(peer) {
		return netip.Addr{}, false
	}
	return addressKey(peer), true
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

// Enter counts another connection of key. It returns false, counts that in counters and logs it, if there are limit already.
func (a *Addresses) Enter(key netip.Addr, limit int, counters *scoreboard.Counters, log *slog.Logger) bool {
	if a.admit(key, limit) {
		return true
	}
	counters.TooManyOfAddress.Add(1)
	a.full.Log(log, "connections are closed immediately: their address has as many as are allowed",
		"option", "MaxConnectionsPerAddress", "address", key)
	return false
}

func (a *Addresses) admit(key netip.Addr, limit int) bool {
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

// Leave takes a connection back that Enter has counted; the zero Addr is none.
func (a *Addresses) Leave(key netip.Addr) {
	if !key.IsValid() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[key]--; a.open[key] <= 0 {
		delete(a.open, key)
	}
}
