package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shares is how many connections each worker has, in ascending order.
func (s *service) shares(t *testing.T) (shares []int) {
	t.Helper()
	for _, counts := range s.status(t).Counts {
		shares = append(shares, counts.Counters["connections"])
	}
	slices.Sort(shares)
	return shares
}

// needBalance skips the test with the engine that does not balance.
func needBalance(t *testing.T) {
	t.Helper()
	if os.Getenv("PYSERVE_ENGINE") == "nethttp" {
		t.Skip("net/http's engine leaves it to the kernel who gets a connection")
	}
}

func TestWorkersShareKeepAliveConnections(t *testing.T) {
	needBalance(t)
	for _, workers := range []int{2, 4} {
		for how, atOnce := range map[string]bool{"one after the other": false, "at the same moment": true} {
			t.Run(strconv.Itoa(workers)+" workers, "+how, func(t *testing.T) {
				s := startService(t, "apps.workers:app", "--workers", strconv.Itoa(workers))
				var all []keptConn
				for range 32 {
					all = append(all, s.keep(t))
					if !atOnce {
						all[len(all)-1].pid(t)
					}
				}
				for _, c := range all {
					c.pid(t)
				}
				shares, fair := s.shares(t), 32/workers
				require.Len(t, shares, workers)
				// 60:40 of two workers is 19 to 13.
				assert.GreaterOrEqual(t, shares[0], fair*4/5, "%v", shares)
				assert.LessOrEqual(t, shares[workers-1], fair*6/5, "%v", shares)
			})
		}
	}
}

// waitUntilStopped waits until no thread of a process runs: the one that takes the signal stops the others, which go on
// until it has been given a processor.
func waitUntilStopped(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
		require.NoError(t, err)
		return len(threads) > 0 && !slices.ContainsFunc(threads, func(file string) bool {
			stat, err := os.ReadFile(file)
			_, state, _ := strings.Cut(string(stat), ") ")
			return err == nil && !strings.HasPrefix(state, "T")
		})
	}, patience, time.Millisecond)
}

func TestAStoppedWorkerDoesNotHoldUpTheOthers(t *testing.T) {
	needBalance(t)
	s := startService(t, "apps.workers:app", "--workers", "2")
	stopped := s.status(t).Workers[0].PID
	require.NoError(t, syscall.Kill(stopped, syscall.SIGSTOP))
	waitUntilStopped(t, stopped)
	t.Cleanup(func() { _ = syscall.Kill(stopped, syscall.SIGCONT) })
	for range 32 {
		assert.NotEqual(t, stopped, s.keep(t).pid(t))
	}
	require.NoError(t, syscall.Kill(stopped, syscall.SIGCONT))
	s.waitForStatus(t, "the worker takes connections again", func(now status) bool {
		s.keep(t).pid(t)
		return now.Counts[0].Counters["connections"] > 0 && now.Counts[1].Counters["connections"] > 0
	})
}
