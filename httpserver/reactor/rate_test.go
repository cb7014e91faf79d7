//go:build linux

package reactor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

func TestAClientThatTakesALittleNowAndThenIsCutOff(t *testing.T) {
	r := newTestReactor(t, nil, Options{Limits: httpserver.Limits{ResponseRate: 1 << 20}})
	p := r.monitor.poller
	c, client := connect(t, r)
	c.own.begin()
	c.phase = phaseFlush
	c.out.open(r)
	c.out.spool.Keep(make([]byte, 8<<20))
	p.clock.set(r)
	began := p.clock.now
	left := func() time.Duration { return time.Duration(c.deadline.Load() - began) }
	takes := func(n int) {
		for buf := make([]byte, 64<<10); n > 0; n -= len(buf) {
			_, err := unix.Read(client, buf)
			require.NoError(t, err)
		}
	}

	p.run(c)
	require.Equal(t, time.Minute, left())
	p.clock.now = began + int64(59*time.Second)
	takes(64 << 10)
	p.run(c)
	assert.Less(t, left(), 62*time.Second, "a little buys a little time")
	assert.GreaterOrEqual(t, left(), time.Minute)

	p.clock.now = began + int64(62*time.Second)
	takes(64 << 10)
	p.lastLook(c, false)
	assert.Equal(t, phaseClosed, c.phase)
	assert.Equal(t, int64(1), r.counters.WriteTimeouts.Load())
}

func TestAClientThatTakesItsResponseInTimeHasTheWholeTimeAgain(t *testing.T) {
	r := newTestReactor(t, nil, Options{Limits: httpserver.Limits{ResponseRate: 1000}})
	p := r.monitor.poller
	c, client := connect(t, r)
	c.own.begin()
	c.phase = phaseFlush
	c.out.open(r)
	c.out.spool.Keep(make([]byte, 8<<20))
	p.clock.set(r)
	began := p.clock.now
	p.run(c)
	p.clock.now = began + int64(time.Hour) // after a minute without a look
	buf := make([]byte, 128<<10)
	_, err := unix.Read(client, buf)
	require.NoError(t, err)
	p.lastLook(c, true)
	assert.Equal(t, phaseFlush, c.phase, "it has moved during a stall")
	p.clock.now += int64(time.Second)
	_, err = unix.Read(client, buf)
	require.NoError(t, err)
	p.run(c)
	assert.Equal(t, p.clock.now+int64(time.Minute), c.deadline.Load())
}
