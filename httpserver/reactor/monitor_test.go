//go:build linux

package reactor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAMonitorThatDozesWakesForAnswersThatAreHeldBack(t *testing.T) {
	r := newTestReactor(t, sayHello, Options{})
	o := &r.threads[0].outbox
	doze := func() (done chan struct{}) {
		done = make(chan struct{})
		go func() {
			defer close(done)
			r.monitor.doze(time.Hour)
		}()
		return done
	}
	ends := func(done chan struct{}, message string) {
		select {
		case <-done:
		case <-time.After(time.Minute):
			require.Fail(t, message)
		}
	}

	done := doze()
	require.Eventually(t, r.monitor.dozes.Load, time.Minute, time.Millisecond)
	r.monitor.rouseFor(o)
	require.True(t, r.monitor.dozes.Load(), "nothing is held back")
	o.waiting.Store(1)
	r.monitor.rouseFor(o)
	ends(done, "a thread has gone inside with an answer")

	ends(doze(), "a thread went inside with an answer before the monitor dozed")
	o.waiting.Store(0)
}
