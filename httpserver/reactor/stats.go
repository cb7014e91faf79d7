//go:build linux

package reactor

import "github.com/pyserve/pyserve/httpserver"

// Stats returns the counters, which go on counting.
func (r *Reactor) Stats() *httpserver.Stats { return &r.stats }

// countOpened and countClosed count a connection, for other processes too.
func (r *Reactor) countOpened() {
	r.stats.Connections.Add(1)
	if row := r.o.Row; row != nil {
		row.Counters().Connections.Add(1)
		row.Counters().Accepted.Add(1)
	}
}

func (r *Reactor) countClosed() {
	r.stats.Connections.Add(-1)
	if row := r.o.Row; row != nil {
		row.Counters().Connections.Add(-1)
	}
}
