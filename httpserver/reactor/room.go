//go:build linux

package reactor

// crowdLook is among how many descriptors one connection is chosen to be closed. Up to so many it is the one that has
// been idle for longest.
const crowdLook = 1 << 10

// full reports whether there are as many connections as there may be.
func (r *Reactor) full() bool {
	return r.counters.Connections.Load() >= int64(r.o.Limits.MaxConnections)
}

// makeRoom closes the connection that has been idle for longest, and reports whether there was one. It never closes one
// with a request: what has come and was not read is looked after first.
func (p *poller) makeRoom() bool {
	for range 4 {
		c := p.idlest()
		if c == nil {
			return false
		}
		if !c.own.claim() { // something has come meanwhile: another one, then
			continue
		}
		_, idle := c.idleSince()
		switch {
		case !idle:
			p.putBack(c)
		case c.pending():
			p.advance(c)
		default:
			p.r.counters.IdleClosed.Add(1)
			c.close()
			return true
		}
	}
	return false
}

// idlest returns the connection that has been idle for longest, of some; nil if none is idle.
func (p *poller) idlest() (found *conn) {
	t := &p.r.table
	var since int64
	size := uint32(t.highest.Load()) + 1
	for range min(crowdLook, size) {
		c := t.conn(int(p.r.crowdAt.Add(1) % size))
		if c == nil || !c.own.claim() {
			continue
		}
		at, idle := c.idleSince()
		p.putBack(c)
		if idle && (found == nil || at < since) {
			found, since = c, at
		}
	}
	return found
}

// putBack lets go of a connection that p only has looked at.
func (p *poller) putBack(c *conn) {
	p.to = nobody
	p.letGo(c, c.served)
}

// idleSince returns since when c, which the caller owns, has been waiting for the first byte of a request.
func (c *conn) idleSince() (at int64, idle bool) {
	if c.phase != phaseHead || len(c.in.buf) > 0 {
		return 0, false
	}
	limit := c.r.http.HeaderTimeout
	if c.served > 0 {
		limit = c.r.http.IdleTimeout
	}
	return c.deadline.Load() - int64(limit), true
}
