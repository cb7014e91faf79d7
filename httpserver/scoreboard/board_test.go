package scoreboard

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewRefusesSizesThatMakeNoBoard(t *testing.T) {
	for _, c := range []struct {
		name             string
		workers, threads int
		says             string
	}{
		{"no worker", 0, 1, "0 workers"},
		{"fewer than none", -1, 1, "-1 workers"},
		{"too many workers", maxWorkers + 1, 1, "4097 workers"},
		{"no thread", 1, 0, "0 threads"},
		{"too many threads", 1, MaxThreads + 1, "16385 threads"},
		{"too many of both", maxWorkers, MaxThreads, "bytes: want at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.workers, c.threads)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestASlotBelongsToItsBoard(t *testing.T) {
	b := newBoardFor(t, 2, 1)
	assert.Equal(t, 2, b.Slots())
	assert.Same(t, b, b.Worker(1).Board())
	assert.Equal(t, 1, b.Worker(1).Slot())
}

func TestResetLeavesNothingOfTheWorkerBefore(t *testing.T) {
	b := newBoardFor(t, 2, 2)
	w, other := b.Worker(0), b.Worker(1)
	for _, w := range []*Worker{w, other} {
		w.Reset(41)
		w.SetState(Draining)
		w.Counters().Connections.Store(3)
		w.Counters().Failed.Store(1)
		begin(w.Thread(0), 1, "GET", "/")
		begin(w.Thread(1), 1, "GET", "/")
		w.Thread(0).End()
	}
	w.Reset(42)
	assert.Equal(t, 42, w.PID())
	assert.Equal(t, Starting, w.State())
	assert.Zero(t, w.Counters().Connections.Load()+w.Counters().Failed.Load())
	assert.Empty(t, w.InRequests())
	assert.EqualValues(t, 1, begin(w.Thread(1), 1, "GET", "/"), "numbers count from 1 again")

	assert.Equal(t, 41, other.PID(), "the neighbour is left alone")
	require.Len(t, other.InRequests(), 1)
	assert.Equal(t, 1, other.InRequests()[0].Thread)

	w.Release()
	assert.Equal(t, Free, w.State())
	assert.Zero(t, w.PID())
}

func TestCountsAreOfSlotsThatSomebodyHas(t *testing.T) {
	b := newBoardFor(t, 4, 2)
	assert.Empty(t, b.Counts(nil))
	b.Worker(1).Reset(1)
	b.Worker(3).Reset(3)
	b.Worker(3).SetState(Ready)
	b.Worker(3).Counters().Connections.Add(5)
	b.Worker(3).Counters().Hindered.Store(1)
	begin(b.Worker(3).Thread(1), 1, "GET", "/")
	counts := b.Counts([]Count{{Slot: 9}, {Slot: 9}, {Slot: 9}})
	assert.Equal(t, []Count{{Slot: 1, PID: 1, State: Starting}, {Slot: 3, PID: 3, State: Ready, Connections: 5, Hindered: true}}, counts)
}

func TestStatesHaveNames(t *testing.T) {
	for state, name := range map[State]string{Free: "free", Starting: "starting", Ready: "ready", Draining: "draining", 77: "unknown"} {
		assert.Equal(t, name, state.String())
	}
}

func TestAClosedBoardCanBeClosedAgain(t *testing.T) {
	b, err := New(1, 1)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	assert.NoError(t, b.Close())
	assert.Equal(t, -1, b.FD())
}

func TestAtAgreesWithNow(t *testing.T) {
	before := Now()
	taken := time.Now()
	after := Now()
	assert.LessOrEqual(t, before, At(taken))
	assert.LessOrEqual(t, At(taken), after)
}
