//go:build linux

package reactor

import "sync/atomic"

// Stats counts what the reactor refused or ended on its own, and what it has open.
type Stats struct {
	// Connections is how many are open now; Requests is how many have reached the handler.
	Connections, Requests atomic.Int64
	// Malformed counts heads and contents that are no HTTP; TooLarge contents beyond --max-body.
	Malformed, TooLarge atomic.Int64
	// What took too long: a head, a content, an idle connection, a client that did not read.
	HeaderTimeouts, BodyTimeouts, IdleTimeouts, WriteTimeouts atomic.Int64
	// Requests refused by 503: there was no room in the queue, or they waited too long in it.
	QueueFull, QueueAged atomic.Int64
	// Connections that were closed at once, and attempts to accept that failed.
	TooManyConnections, AcceptFailures atomic.Int64
}

// Stats returns the counters, which go on counting.
func (r *Reactor) Stats() *Stats { return &r.stats }
