package reactor

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAConnectionGoesToWhoeverIsBestPlaced(t *testing.T) {
	const self = -1
	has := func(connections int64) peer { return peer{connections: connections} }
	waits := func(connections int64) peer { return peer{connections: connections, idle: true} }
	computes := func(connections int64) peer { return peer{connections: connections, hindered: true} }
	for _, c := range []struct {
		name  string
		own   int64
		s     situation
		peers []peer
		goes  int // the index of the peer
	}{
		{"a worker alone takes all", 1000, placedWell, nil, self},
		{"a worker alone takes all, though it computes", 1000, placedBadly, nil, self},
		{"of two with none the first takes it", 0, placedWell, []peer{has(0)}, self},
		{"who has one leaves it to who has none", 1, placedWell, []peer{has(0)}, 0},
		{"who has fewer takes it", 3, placedWell, []peer{has(4)}, self},
		{"who has as many takes it", 4, placedWell, []peer{waits(4)}, self},
		{"the one with the fewest of several gets it", 9, placedWell, []peer{has(8), has(6), has(7)}, 1},
		{"of those with as many one that is idle gets it", 9, placedWell, []peer{has(6), waits(6), has(6)}, 1},
		{"in a crowd a little more does not matter", 106, placedWell, []peer{has(100)}, self},
		{"in a crowd too much does", 107, placedWell, []peer{has(100)}, 0},

		{"who is free leaves nothing to who computes", 50, placedWell, []peer{computes(0)}, self},
		{"who is free still balances with the others", 50, placedWell, []peer{computes(0), has(20)}, 1},

		{"who computes leaves it to who is idle, whatever that one has", 1, placedBadly, []peer{waits(500)}, 0},
		{"rather to one that is idle than to one with fewer", 1, placedBadly, []peer{has(3), waits(500)}, 1},
		{"rather to one that works than to one that computes", 1, placedBadly, []peer{computes(0), has(500)}, 1},
		{"if all compute, whoever comes first takes it", 1, placedBadly, []peer{computes(1), computes(2)}, self},
		{"but by the numbers", 3, placedBadly, []peer{computes(2), computes(1)}, 1},

		{"who computes and is called takes it", 1, placedByCall, []peer{has(2), computes(3)}, self},
		{"unless somebody is idle by now", 1, placedByCall, []peer{has(2), waits(3)}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			yes, to := takes(c.own, c.s, c.peers)
			if c.goes == self {
				assert.True(t, yes)
				return
			}
			assert.False(t, yes)
			assert.Equal(t, c.goes, to)
		})
	}
}

// TestLeftConnectionsArriveSomewhere lets workers in all situations hand a connection on until one takes it.
func TestLeftConnectionsArriveSomewhere(t *testing.T) {
	const workers, kinds, most = 3, 3, 4 // a worker works, is idle, or is hindered, and has 0 to 3 connections
	for first := range workers {
		for code := range kinds * most * kinds * most * kinds * most {
			all := make([]peer, workers)
			for i := range all {
				all[i] = peer{slot: i, idle: code%kinds == 1, hindered: code%kinds == 2}
				all[i].connections = int64(code / kinds % most)
				code /= kinds * most
			}
			assert.LessOrEqual(t, handOns(first, all), workers, "%+v from %d", all, first)
		}
	}
}

// handOns is how often a connection is handed on before somebody takes it, if nothing else changes.
func handOns(at int, all []peer) (n int) {
	for ; n < 100; n++ {
		s := placedWell
		switch {
		case all[at].hindered && n > 0:
			s = placedByCall
		case all[at].hindered:
			s = placedBadly
		}
		peers := append(append([]peer(nil), all[:at]...), all[at+1:]...)
		yes, to := takes(all[at].connections, s, peers)
		if yes {
			return n
		}
		at = peers[to].slot
	}
	return n
}

func TestWhoComputesLongIsHindered(t *testing.T) {
	held, free := func() bool { return true }, func() bool { return false }
	inside := snapshot{lasting: true}
	polled := snapshot{lasting: true, polling: 1}
	for _, c := range []struct {
		name    string
		seen    snapshot
		entries uint64
		gil     func() bool
		want    bool
	}{
		{"nobody polls while a request takes long", inside, 0, free, true},
		{"somebody polls, and would have to wait for the GIL", polled, 0, held, true},
		{"somebody polls, and the GIL is free", polled, 0, free, false},
		{"somebody polls, and nothing is known of the GIL", polled, 0, nil, false},
		{"requests come and go", snapshot{}, 0, held, false},
		{"a request takes long, and others come and go", inside, 2, held, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h hindrance
			for look := 1; look < hinderedAfter; look++ {
				assert.False(t, h.hindered(c.seen, c.entries, c.gil), "too early")
			}
			assert.Equal(t, c.want, h.hindered(c.seen, c.entries, c.gil))
		})
	}
}

func TestALookAtWhichTheGILIsPassedOnDoesNotEndAHindrance(t *testing.T) {
	var h hindrance
	held := true
	look := func(s snapshot) bool { return h.hindered(s, 0, func() bool { return held }) }
	polled := snapshot{lasting: true, polling: 1}
	for range 2 * hinderedAfter {
		look(polled)
	}
	held = false
	assert.True(t, look(polled), "one look")
	assert.True(t, look(polled), "two")
	assert.False(t, look(polled), "three in a row are no chance")
	held = true
	for range hinderedAfter {
		look(polled)
	}
	assert.False(t, look(snapshot{polling: 1}), "the request has ended")
}
