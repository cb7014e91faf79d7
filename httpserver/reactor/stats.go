//go:build linux

package reactor

// countOpened and countClosed count a connection.
func (r *Reactor) countOpened() {
	r.counters.Connections.Add(1)
	r.counters.Accepted.Add(1)
}

func (r *Reactor) countClosed() { r.counters.Connections.Add(-1) }
