//go:build linux

package reactor

// crowdLook is among how many descriptors the connection that is to be closed is chosen, if one of them is idle. Up to that
// many it is the one that has been idle for longest.
const crowdLook = 1 << 10

// full reports whether there are as many connections as there may be.
func (r *Reactor) full() bool {
	return r.counters.Connections.Load() >= int64(r.o.Limits.MaxConnections)
}

// makeRoom closes the connection that has been idle for longest, and reports whether there was one. It never closes one
// with a request: what has come and was not read is looked after first.
func (p *poller) makeRoom() bool {
	for range 4 {
		c := p.claimIdlest()
		if c == nil {
			return false
		}
		if !c.pending() {
			p.r.counters.IdleClosed.Add(1)
			c.close()
			return true
		}
		p.advance(c)
	}
	return false
}

// claimIdlest makes p the owner of the connection that has been idle for longest, of some; nil if none is idle. One poller
// looks at a time: each would find those of the other owned.
func (p *poller) claimIdlest() (found *conn) {
	r := p.r
	var since int64
	var marked []*conn // something has happened on them meanwhile
	r.crowdMu.Lock()
	size := uint32(r.table.highest.Load()) + 1
	for looks := range size {
		if found != nil && looks >= crowdLook {
			break
		}
		c := r.table.conn(int(r.crowdAt % size))
		r.crowdAt++
		if c == nil || !c.own.claim() {
			continue
		}
		if at, idle := c.idleSince(); idle && (found == nil || at < since) {
			found, since, c = c, at, found
		}
		if c != nil && !c.own.release() {
			marked = append(marked, c)
		}
	}
	r.crowdMu.Unlock()
	for _, c := range marked {
		p.putBack(c)
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
