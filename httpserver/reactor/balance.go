package reactor

// Connections are balanced between the worker processes that share a listener: before each one a worker looks at
// what the others have, and leaves it to one that is better placed, which it calls (see balancer). The kernel would
// give them all to the worker that has waited longest.

// peer is what is known of another worker that accepts connections from the same listeners.
type peer struct {
	slot, pid   int // its row on the scoreboard, and its process
	connections int64
	idle        bool   // one of its threads waits for something to do, and nothing hinders it
	hindered    bool   // a request takes long there that keeps others from being answered
	address     uint32 // of its bell
	signs       uint64
}

// hindrance is what the looks at the threads show of whether a request keeps others from being answered: no other
// thread is there for them, or it would have to wait for the GIL.
type hindrance struct{ score int }

// hinderedAfter is how many looks in a row it takes. As many again make up for those at which the GIL just passes from
// one thread to another.
const hinderedAfter = 4

// hindered takes a look into account, since which so many requests have gone into the application.
func (h *hindrance) hindered(s snapshot, entries uint64, gilHeld func() bool) bool {
	switch {
	case !s.lasting || entries > 1:
		h.score = 0
	case s.polling == 0 || gilHeld != nil && gilHeld():
		h.score = min(h.score+1, 2*hinderedAfter)
	default:
		h.score = max(h.score-2, 0)
	}
	return h.score >= hinderedAfter
}

// situation is how well placed this worker is to answer what a new connection brings.
type situation uint8

const (
	placedWell   situation = iota // a thread is there for it, or soon will be
	placedBadly                   // no thread is there for it, or it would have to wait for the GIL
	placedByCall                  // hindered, and nevertheless called by another worker
)

// takes reports whether a worker with so many connections of its own takes the next one; else to is the index of the
// peer that is better placed.
//
// A computation that takes long counts for more than the number of connections: a worker that it hinders leaves the
// connection to one that is not, best to one that is idle, and nobody else leaves any to it, however few it has. So a
// connection is not handed on forever: who is called takes it, unless there is one that is idle, or has fewer.
func takes(own int64, s situation, peers []peer) (yes bool, to int) {
	if idle := fewest(peers, func(p peer) bool { return p.idle }); idle >= 0 && s != placedWell {
		return false, idle
	}
	if s == placedBadly {
		if to := fewest(peers, func(p peer) bool { return !p.hindered }); to >= 0 {
			return false, to
		}
	}
	to = fewest(peers, func(p peer) bool { return !p.hindered || s != placedWell })
	return to < 0 || !above(own, peers[to].connections), to
}

// fewest returns the index of the peer with the fewest connections among those that count, or -1. Of those with as
// many it is one that is idle, if there is one.
func fewest(peers []peer, counts func(peer) bool) (found int) {
	found = -1
	for i, p := range peers {
		if !counts(p) {
			continue
		}
		if found < 0 || p.connections < peers[found].connections ||
			p.connections == peers[found].connections && p.idle && !peers[found].idle {
			found = i
		}
	}
	return found
}

// above reports whether a worker with so many connections has too many beside one with other. The room between them
// is how many of a crowd one worker takes before it calls the other; where there are few, each counts.
func above(own, other int64) bool { return own > other+other/16 }
