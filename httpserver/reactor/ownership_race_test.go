//go:build linux

package reactor

import (
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The monitor takes an answer as soon as the thread has given it away: whatever the thread does with the connection
// after that, the race detector sees.
func TestAThreadLetsAConnectionAloneOnceItsAnswerIsInTheOutbox(t *testing.T) {
	r := newTestReactor(t, sayHello, Options{})
	p := theThread(t, r)
	p.outbox.short, p.outbox.longest = math.MaxInt64, -1
	var stop atomic.Bool
	var monitor sync.WaitGroup
	monitor.Go(func() {
		for !stop.Load() {
			r.monitor.poller.clock.set(r)
			r.monitor.inside = append(r.monitor.inside[:0], 0)
			r.monitor.deliver()
		}
	})
	defer monitor.Wait()
	defer stop.Store(true)
	var conns [4]*conn
	var clients [4]int
	for i := range conns {
		conns[i], clients[i] = connect(t, r)
	}
	for range 500 {
		for i, c := range conns {
			ask(c, clients[i], aRequest)
		}
		for i := range conns {
			got := ""
			for deadline := time.Now().Add(patience); !strings.Contains(got, content); got += received(clients[i]) {
				require.True(t, time.Now().Before(deadline), "no answer: %q", got)
				for p.next(0) {
				}
			}
			require.Equal(t, 1, strings.Count(got, content), "the request was answered twice")
		}
	}
}
