package reactor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the simulated applications do, as steps: compute, wait, compute, and so on.
var (
	hello      = steps{3 * time.Microsecond} // and simOutside
	flask      = steps{60 * time.Microsecond}
	sleep50    = steps{10 * time.Microsecond, 50 * time.Millisecond, 5 * time.Microsecond}
	compute50  = steps{50 * time.Millisecond}
	threeWaits = waits(10 * time.Microsecond)
)

type steps []time.Duration

// waits returns steps that wait three times for a millisecond, and compute for so long before, between and after.
func waits(compute time.Duration) steps {
	return steps{compute, time.Millisecond, compute, time.Millisecond, compute, time.Millisecond, compute}
}

// load adds connections that each ask for the same again when they are answered.
func (s *simulation) load(connections int, kind string, what steps) {
	for range connections {
		s.send(func() *simRequest { return &simRequest{kind: kind, steps: what} }, s.about(simClient))
	}
}

// loadUntil adds connections that ask for one thing before a time, and for another from then on.
func (s *simulation) loadUntil(change time.Duration, connections int, before, after steps) {
	for range connections {
		s.send(func() *simRequest {
			if s.now < change {
				return &simRequest{kind: "before", steps: before}
			}
			return &simRequest{kind: "after", steps: after}
		}, s.about(simClient))
	}
}

// everybodyPolls sets the controller aside.
func (s *simulation) everybodyPolls() {
	s.free, s.sched.control.target = true, len(s.threads)
	for i := range s.threads {
		if s.sched.unparkThread(i) {
			s.unpark(i)
		}
	}
}

// simulate runs what begin sets up for a time.
func simulate(t *testing.T, threads int, length time.Duration, begin func(s *simulation)) *simulation {
	s := newSimulation(t, threads)
	begin(s)
	s.runUntil(length)
	return s
}

func TestOneThreadIsActiveWhereRequestsOnlyCompute(t *testing.T) {
	for name, app := range map[string]steps{"hello": hello, "Flask": flask} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t, 16, 500*time.Millisecond, func(s *simulation) { s.load(32, "", app) })
			share, _ := s.crowded(1, 0)
			assert.Zero(t, share)
			possible := float64(time.Second) / float64(app[0]+simOutside)
			assert.Greater(t, s.rate(0, s.now), 0.95*possible)
			assert.Less(t, s.percentile("", 0.99, 0), 40*(app[0]+simOutside), "32 connections are answered in turn")
		})
	}
}

func TestRequestsThatWaitFindAllThreadsSoonAfterTheyBegin(t *testing.T) {
	s := simulate(t, 16, 200*time.Millisecond, func(s *simulation) { s.load(32, "", sleep50) })
	assert.Less(t, s.percentile("", 1, 0), 105*time.Millisecond, "two requests a thread, one after the other")
}

func TestAThreadThatOnlyLooksAsIfItWaitedDoesNotRaiseTheTargetForLong(t *testing.T) {
	for name, c := range map[string]struct {
		app   steps
		share float64 // of looks that go wrong
	}{
		"hello, now and then":              {hello, 0.01},
		"hello, at ten looks of a hundred": {hello, 0.1},
		"Flask, now and then":              {flask, 0.01},
		"Flask, at ten looks of a hundred": {flask, 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t, 16, time.Second, func(s *simulation) {
				s.load(32, "", c.app)
				s.misread = func(computes bool) bool { return computes && s.random.Float64() >= c.share }
			})
			share, longest := s.crowded(1, 0)
			assert.Less(t, share, 0.05)
			assert.Less(t, longest, 60*time.Millisecond)
		})
	}
}

func TestAThreadThatLostItsProcessorForLongDoesNotRaiseTheTargetForLong(t *testing.T) {
	stalls := 0
	s := simulate(t, 16, time.Second, func(s *simulation) {
		s.load(32, "", hello)
		frozen := &simRequest{kind: "frozen", steps: steps{0, 20 * time.Millisecond}} // a page fault on a slow disk
		s.send(func() *simRequest {
			if stalls++; stalls > 1 {
				return &simRequest{kind: "", steps: hello}
			}
			return frozen
		}, 300*time.Millisecond)
	})
	_, longest := s.crowded(1, 0)
	assert.Less(t, longest, 100*time.Millisecond)
}

func TestAllThreadsSleepWithinASecondOfTheLoadsStart(t *testing.T) {
	s := simulate(t, 64, 2*time.Second, func(s *simulation) { s.load(256, "", sleep50) })
	const possible = 64 * 20
	assert.GreaterOrEqual(t, s.rate(0, time.Second), 0.95*64*19, "a second holds 19 whole sleeps and the rise")
	assert.GreaterOrEqual(t, s.rate(time.Second, 2*time.Second), 0.95*possible)
}

func TestThreeWaitsReachWhatAllThreadsPollingReach(t *testing.T) {
	for name, c := range map[string]struct {
		app         steps
		connections int
		share       float64
	}{
		"32 connections":                                {threeWaits, 32, 0.95},
		"8 connections, half the threads":               {threeWaits, 8, 0.95},
		"a single connection":                           {threeWaits, 1, 0.95},
		"as much computing as there is time":            {waits(60 * time.Microsecond), 32, 0.93},
		"waits shorter than the time between two looks": {steps{50 * time.Microsecond, 200 * time.Microsecond, 10 * time.Microsecond}, 32, 0.8},
	} {
		t.Run(name, func(t *testing.T) {
			begin := func(s *simulation) { s.load(c.connections, "", c.app) }
			ours := simulate(t, 16, time.Second, begin)
			all := simulate(t, 16, time.Second, func(s *simulation) { s.everybodyPolls(); begin(s) })
			assert.GreaterOrEqual(t, ours.rate(0, ours.now), c.share*all.rate(0, all.now))
		})
	}
}

func TestFastRequestsAreNotHeldUpBySleepingOnes(t *testing.T) {
	for name, fast := range map[string]steps{"hello": hello, "Flask": flask} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t, 16, time.Second, func(s *simulation) { s.load(27, "fast", fast); s.load(3, "sleep", sleep50) })
			assert.Less(t, s.percentile("fast", 0.99, 0), 5*time.Millisecond)
			assert.Less(t, s.percentile("sleep", 0.99, 0), 60*time.Millisecond)
		})
	}
}

func TestFastRequestsAreNotHeldUpForLongByOneThatComputes(t *testing.T) {
	s := simulate(t, 16, 3*time.Second, func(s *simulation) { s.load(9, "fast", hello); s.load(1, "compute", compute50) })
	assert.Less(t, s.percentile("fast", 0.99, 0), 40*time.Millisecond)
	assert.Less(t, s.percentile("compute", 0.99, 0), 100*time.Millisecond)
}

func TestAChangeOfLoadIsFollowedWithinATenthOfASecond(t *testing.T) {
	const change, grace, end = 500 * time.Millisecond, 100 * time.Millisecond, 1200 * time.Millisecond
	apps := map[string]steps{"hello": hello, "Flask": flask, "three waits": threeWaits, "sleep": sleep50}
	for from, before := range apps {
		for to, after := range apps {
			t.Run(from+" to "+to, func(t *testing.T) {
				s := simulate(t, 16, end, func(s *simulation) { s.loadUntil(change, 32, before, after) })
				steady := simulate(t, 16, end, func(s *simulation) { s.load(32, "after", after) })
				require.NotZero(t, steady.rate(change, end))
				from := max(change, s.last("before")) + grace
				assert.GreaterOrEqual(t, s.rate(from, end), 0.95*steady.rate(from, end))
				if len(after) == 1 {
					_, longest := s.crowded(1, max(change, s.last("before")))
					assert.LessOrEqual(t, longest, grace)
				}
			})
		}
	}
}

func TestALateMonitorDoesLittleHarm(t *testing.T) {
	s := simulate(t, 16, 2*time.Second, func(s *simulation) {
		s.load(32, "", threeWaits)
		s.late = func() time.Duration { return s.about(3 * time.Millisecond) }
	})
	all := simulate(t, 16, 2*time.Second, func(s *simulation) { s.everybodyPolls(); s.load(32, "", threeWaits) })
	assert.GreaterOrEqual(t, s.rate(0, s.now), 0.95*all.rate(0, all.now))
}

func TestTheSimulationIsTheSameEachTime(t *testing.T) {
	run := func() []simAnswer {
		return simulate(t, 16, 100*time.Millisecond, func(s *simulation) { s.load(5, "", hello); s.load(5, "", sleep50) }).answers
	}
	assert.Equal(t, run(), run())
}
