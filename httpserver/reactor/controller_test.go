package reactor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	allWaiting = look{inside: 1, parked: 15, lasting: true}
	computing  = look{inside: 1, parked: 15, computes: true, lasting: true}
)

func TestALookWakesAThreadOnlyWhenAllActiveOnesWait(t *testing.T) {
	for name, c := range map[string]struct {
		look look
		wake bool
	}{
		"all that are inside wait":                     {allWaiting, true},
		"one computes":                                 {computing, false},
		"one polls":                                    {look{polling: 1, inside: 1, parked: 14, lasting: true}, false},
		"nobody is inside":                             {look{parked: 15, polling: 1}, false},
		"nobody is parked":                             {look{inside: 16, lasting: true}, false},
		"it has gone in since the last look":           {look{inside: 1, parked: 15}, false},
		"a thread went in or came out during the look": {look{inside: 1, parked: 15, lasting: true, moved: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			control := controller{threads: 16, target: 1}
			assert.Equal(t, c.wake, control.observe(c.look))
			assert.Equal(t, c.wake, control.target > 1, "the target is raised with it")
		})
	}
}

func TestRequestsThatWaitTooBrieflyToLastAreSeenWhenLooksInsist(t *testing.T) {
	control := controller{threads: 16, target: 1}
	short := look{inside: 1, parked: 15}
	for range waitingLooks - 1 {
		require.False(t, control.observe(short))
	}
	assert.True(t, control.observe(short))

	control = controller{threads: 16, target: 1}
	for range waitingLooks - 1 {
		control.observe(short)
	}
	control.observe(computing)
	assert.False(t, control.observe(short), "they have to be in a row")
}

func TestTheTargetRisesToTheNumberOfThreadsAndNoFurther(t *testing.T) {
	control := controller{threads: 16, target: 1}
	var targets []int
	for range 9 {
		control.observe(allWaiting)
		targets = append(targets, control.target)
	}
	assert.Equal(t, []int{2, 4, 8, 16, 16, 16, 16, 16, 16}, targets)
}

func TestTheTargetFallsWhenThereIsMostlyAThreadTooMany(t *testing.T) {
	idle := look{inside: 1, parked: 8, polling: 1}
	for name, c := range map[string]struct {
		look  look
		other int // so many looks of a window are idle
		falls bool
	}{
		"somebody computes at every look":            {computing, 0, true},
		"somebody computes at nine looks of ten":     {computing, targetWindow - targetCrowded, true},
		"somebody computes less often":               {computing, targetWindow - targetCrowded + 1, false},
		"two poll, as where requests are very short": {look{polling: 2, parked: 8}, 0, true},
		"one polls while the others wait":            {idle, 0, false},
		"all wait, and there are no further threads": {look{inside: 16, lasting: true}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			control := controller{threads: 16, target: 8}
			for i := range targetWindow {
				if i < c.other {
					control.observe(idle)
				} else {
					control.observe(c.look)
				}
			}
			assert.Equal(t, c.falls, control.target < 8)
		})
	}
}

func TestTheTargetFallsToOneAndNoFurther(t *testing.T) {
	control := controller{threads: 64, target: 64}
	looks := 0
	for ; control.target > 1; looks++ {
		require.Less(t, looks, 1000)
		control.observe(computing)
	}
	assert.LessOrEqual(t, time.Duration(looks)*lookTick, 50*time.Millisecond)
	for range 10 * targetWindow {
		control.observe(computing)
	}
	assert.Equal(t, 1, control.target)
}

func TestARaiseStandsForAWindowAtLeast(t *testing.T) {
	control := controller{threads: 16, target: 4}
	for range targetWindow - 1 {
		control.observe(computing)
	}
	control.observe(allWaiting)
	raised := control.target
	for range targetWindow - 1 {
		control.observe(computing)
		require.Equal(t, raised, control.target)
	}
	control.observe(computing)
	assert.Less(t, control.target, raised)
}

func TestAThreadIsWokenWhenNobodyHasPolledForLong(t *testing.T) {
	control := controller{threads: 16, target: 1}
	var woken []time.Duration
	for at := time.Duration(0); at < starvingTime+2*starvedTime; at += lookTick {
		l := computing
		l.at = at
		if control.observe(l) {
			woken = append(woken, at)
		}
	}
	assert.Equal(t, []time.Duration{starvingTime, starvingTime + starvedTime}, woken)
	assert.Equal(t, 1, control.target, "that says nothing about how many are wanted")

	control.observe(look{at: time.Second, polling: 1, inside: 2, parked: 13})
	l := computing
	l.at = time.Second + lookTick
	assert.False(t, control.observe(l), "somebody has polled")
}
