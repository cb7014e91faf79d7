//go:build linux

package reactor

// admitAddress reports whether c's address may have another connection, and counts it then. What closes c gives
// it back.
func (r *Reactor) admitAddress(c *conn) bool {
	limit := r.o.Limits.MaxConnectionsPerAddress
	key, counts := r.http.AddressKey(c.remote.Addr(), limit)
	if !counts {
		return true
	}
	if !r.addresses.Enter(key, limit, r.counters, r.o.Log) {
		return false
	}
	c.countedAs = key
	return true
}
