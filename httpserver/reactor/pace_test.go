package reactor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheMonitorLooksOnlyAsOftenAsALookCanChangeSomething(t *testing.T) {
	for name, c := range map[string]struct {
		saw      sight
		moves    bool          // requests come and go
		looks    int           // before the one that counts
		how      pacing        // then
		interval time.Duration // then
	}{
		"nobody is inside":                                      {sight{polling: 1, parked: 15}, false, 0, rest, forever},
		"nobody is inside, and nobody polls yet":                {sight{}, false, 0, rest, forever},
		"work lies about that nobody has taken":                 {sight{queued: true}, false, 9, watch, lookTick},
		"requests come and go":                                  {sight{polling: 1, parked: 15}, true, 9, watch, 4 * lookTick},
		"a thread has just been woken":                          {sight{inside: 4, parked: 12, woke: true}, true, 9, watch, lookTick},
		"requests come and go on all threads":                   {sight{inside: 16}, true, 9, doze, longest},
		"requests compute on all threads":                       {sight{inside: 16, computes: true}, true, 9, watch, 4 * lookTick},
		"streams wait, and somebody polls":                      {sight{polling: 1, inside: 10, parked: 5}, false, 0, rest, 2 * lookTick},
		"streams have waited, and somebody polls":               {sight{polling: 1, inside: 10, parked: 5}, false, 9, rest, 50 * time.Millisecond},
		"one computes, and somebody polls":                      {sight{polling: 1, inside: 1, parked: 14, computes: true}, false, 9, watch, 4 * lookTick},
		"nobody polls, and others could be woken":               {sight{inside: 1, parked: 15}, false, 9, watch, lookTick},
		"answers are held while requests come and go":           {sight{inside: 1, held: true}, true, 99, watch, heldTicks * lookTick},
		"answers are held by who is inside":                     {sight{inside: 1, held: true}, false, 99, watch, lookTick},
		"all are inside":                                        {sight{inside: 16}, false, 0, doze, 2 * lookTick},
		"all have been inside for long":                         {sight{inside: 16}, false, 99, attend, 50 * time.Millisecond},
		"all have been inside for long, and the last comes out": {sight{inside: 15, polling: 1}, false, 99, rest, 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			var p pace
			for range c.looks {
				c.saw.at += time.Millisecond
				if c.moves {
					c.saw.entries++
				}
				p.next(c.saw)
			}
			c.saw.at += time.Millisecond
			if c.moves {
				c.saw.entries++
			}
			how, interval := p.next(c.saw)
			assert.Equal(t, c.how, how)
			assert.Equal(t, c.interval, interval)
		})
	}
}

func TestTheMonitorThatWasRousedLooksClosely(t *testing.T) {
	var p pace
	streams := sight{polling: 1, inside: 10}
	for range 9 {
		p.next(streams)
	}
	p.roused()
	_, interval := p.next(streams)
	assert.Equal(t, 2*lookTick, interval)
}

func TestIdleStreamsAreHardlyLookedAt(t *testing.T) {
	stream := steps{10 * time.Microsecond, 600 * time.Second, 0}
	s := simulate(t, 16, time.Second, func(s *simulation) { s.load(10, "", stream) })
	before := s.looks
	s.runUntil(11 * time.Second)
	assert.LessOrEqual(t, s.looks-before, 250, "in ten seconds")
	polling, _, _ := s.sched.active()
	assert.Positive(t, polling)
}
