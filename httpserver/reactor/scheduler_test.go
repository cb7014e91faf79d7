package reactor

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkScheduler fails unless all that the scheduler knows of the threads agrees.
func checkScheduler(t testing.TB, s *scheduler) {
	t.Helper()
	var polling, inside, joined int
	var parked []int
	for thread, state := range s.state {
		switch state {
		case statePolling:
			polling++
		case stateInside:
			inside++
		case stateParked:
			parked = append(parked, thread)
		}
		if state != stateAbsent {
			joined++
		}
	}
	listed := slices.Sorted(slices.Values(s.parked))
	require.Equal(t, parked, listed, "those in the list are those who are parked, each once")
	require.Equal(t, polling, s.polling)
	require.Equal(t, inside, s.inside)
	require.Equal(t, joined, polling+inside+len(parked))
	require.True(t, joined == 0 || polling+inside > 0, "all are parked")
	require.GreaterOrEqual(t, s.control.target, 1)
	require.LessOrEqual(t, s.control.target, len(s.state))
}

// schedulerOf returns one whose threads are in states as written: p polls, i is inside, k is parked.
func schedulerOf(t *testing.T, target int, states string) *scheduler {
	s := newScheduler(len(states))
	s.control.target = target
	for thread, letter := range states {
		s.set(thread, state(strings.IndexRune("-pik", letter)))
	}
	checkScheduler(t, s)
	return s
}

func statesOf(s *scheduler) string {
	letters := make([]byte, len(s.state))
	for thread, state := range s.state {
		letters[thread] = "-pik"[state]
	}
	return string(letters)
}

func TestEveryTransition(t *testing.T) {
	enter := func(thread int) func(s *scheduler) any { return func(s *scheduler) any { return s.enter(thread) } }
	exit := func(thread int) func(s *scheduler) any { return func(s *scheduler) any { return s.exit(thread) } }
	summon := func(thread int) func(s *scheduler) any {
		return func(s *scheduler) any { return s.unparkThread(thread) }
	}
	look := func(computes bool) func(s *scheduler) any {
		return func(s *scheduler) any {
			return s.observe(0, s.snapshot(nil), func([]int) bool { return computes })
		}
	}
	lookedAt := func(then func(s *scheduler) any) func(s *scheduler) any {
		return func(s *scheduler) any { s.looked = s.entries; return then(s) }
	}
	for name, c := range map[string]struct {
		target int
		before string
		do     func(s *scheduler) any
		after  string
		result any
	}{
		"the one active thread goes in":                        {1, "pkk", enter(0), "ikk", -1},
		"one goes in while another polls":                      {3, "ppk", enter(0), "ipk", -1},
		"the last that polls goes in, and one is woken":        {2, "pkk", enter(0), "ikp", 2},
		"it goes in, and there is nobody to wake":              {3, "pii", enter(0), "iii", -1},
		"it goes in, and enough are inside":                    {2, "pik", enter(0), "iik", -1},
		"the one active thread comes out":                      {1, "ikk", exit(0), "pkk", true},
		"one too many comes out, and another polls":            {1, "ipk", exit(0), "kpk", false},
		"one too many comes out, and another has just gone in": {1, "iik", exit(0), "kik", false},
		"one too many comes out, and the others may all wait":  {1, "iik", lookedAt(exit(0)), "pik", true},
		"as many as are wanted, and one comes out":             {2, "ipk", exit(0), "ppk", true},
		"a parked thread is summoned":                          {1, "pkk", summon(1), "ppk", true},
		"a polling one is summoned":                            {1, "pkk", summon(0), "pkk", false},
		"a look finds all waiting":                             {1, "ikk", lookedAt(look(false)), "ikp", 2},
		"a look finds one that computes":                       {1, "ikk", lookedAt(look(true)), "ikk", -1},
		"a look finds one that polls":                          {2, "ipk", lookedAt(look(false)), "ipk", -1},
		"one joins that is wanted":                             {2, "p-", func(s *scheduler) any { return s.join(1) }, "pp", true},
		"one joins that is not wanted":                         {1, "p-", func(s *scheduler) any { return s.join(1) }, "pk", false},
		"one ends":                                             {2, "pp", func(s *scheduler) any { s.leave(1); return nil }, "p-", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := schedulerOf(t, c.target, c.before)
			assert.Equal(t, c.result, c.do(s))
			assert.Equal(t, c.after, statesOf(s))
			checkScheduler(t, s)
		})
	}
}

func TestTheThreadThatParkedLastIsWokenFirst(t *testing.T) {
	s := schedulerOf(t, 1, "ppp")
	for _, thread := range []int{2, 0} {
		s.enter(thread)
		require.False(t, s.exit(thread))
	}
	s.control.target = 3
	assert.Equal(t, 0, s.enter(1))
}

func TestThreadsAreLookedAtOnlyWhereItCanChangeSomething(t *testing.T) {
	for name, c := range map[string]struct {
		target int
		states string
		looks  bool
	}{
		"the one active thread is inside":        {1, "ik", true},
		"it polls":                               {1, "pk", false},
		"it is inside, and there is no other":    {1, "i", false},
		"another polls, and the target can fall": {2, "ip", true},
		"nobody is inside":                       {2, "pp", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := schedulerOf(t, c.target, c.states)
			looked := false
			s.observe(0, s.snapshot(nil), func(inside []int) bool { looked = true; return true })
			assert.Equal(t, c.looks, looked)
		})
	}
}

func TestALookIsVoidWhenAThreadMovesMeanwhile(t *testing.T) {
	s := schedulerOf(t, 1, "ik")
	s.looked = s.entries
	wake := s.observe(0, s.snapshot(nil), func([]int) bool {
		s.exit(0)
		s.enter(0)
		return false
	})
	assert.Equal(t, -1, wake)
	assert.Equal(t, 1, s.control.target)
}

// play makes threads do what bytes say, as reactor's threads would, and checks the scheduler at every step.
func play(t testing.TB, threads int, script []byte) {
	s := newScheduler(threads)
	at := time.Duration(0)
	for _, b := range script {
		thread := int(b>>2) % threads
		switch {
		case b&3 == 3: // a look
			at += lookTick
			s.observe(at, s.snapshot(nil), func([]int) bool { return b&4 != 0 })
		case s.state[thread] == stateAbsent:
			s.join(thread)
		case b&3 == 2:
			s.unparkThread(thread)
		case s.state[thread] == statePolling:
			s.enter(thread)
		case s.state[thread] == stateInside:
			s.exit(thread)
		}
		checkScheduler(t, s)
	}
	for _, computes := range []bool{true, false} {
		requirePollerSoon(t, s, at, computes)
	}
}

// requirePollerSoon fails unless somebody polls, or is woken by the looks that follow, or all are inside.
func requirePollerSoon(t testing.TB, s *scheduler, at time.Duration, computes bool) {
	t.Helper()
	for end := at + starvingTime + 2*lookTick; at < end && s.polling == 0 && len(s.parked) > 0; {
		at += lookTick
		s.observe(at, s.snapshot(nil), func([]int) bool { return computes })
	}
	require.True(t, s.polling > 0 || len(s.parked) == 0, "nobody polls, and nobody is woken for it: %s", statesOf(s))
}

func TestRandomSequencesKeepTheStatesConsistent(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		script := make([]byte, 500)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		play(t, 1+random.IntN(20), script)
	}
}

func FuzzScheduler(f *testing.F) {
	f.Add(uint8(1), []byte{0, 0, 0, 0})
	f.Add(uint8(4), []byte{0, 4, 8, 12, 0, 3, 3, 3, 4, 0, 4})
	f.Add(uint8(16), []byte("\x00\x04\x08\x0c\x00\x03\x03\x02\x06\x07\x07\x07\x00\x04"))
	f.Fuzz(func(t *testing.T, threads uint8, script []byte) {
		play(t, 1+int(threads)%32, script)
	})
}
