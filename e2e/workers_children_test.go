package e2e_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

// children are those that /begets of testdata/apps/workers.py starts.
type children struct{ Daemon, Sleep, Stubborn, Session int }

// beget has the application start children. Those that are left are killed when the test ends.
func beget(t *testing.T, s *service) (c children) {
	t.Helper()
	c = ask[children](t, s, "/begets")
	t.Cleanup(func() {
		for _, pid := range []int{c.Daemon, c.Sleep, c.Stubborn, c.Session} {
			_ = killHard(pid)
		}
	})
	return c
}

func TestWorkersThatDieLeaveNoChildrenBehindButInSessionsOfTheirOwn(t *testing.T) {
	t.Parallel()
	ends := map[string]bool{"quit by the master": true, "cut off": true} // the server
	for name, die := range map[string]func(t *testing.T, s *service){
		"killed":             func(t *testing.T, s *service) { _ = killHard(s.status(t).pids()[0]) },
		"crashed":            func(t *testing.T, s *service) { s.raw(t, head("GET", "/segfaults")) },
		"quit by the master": func(t *testing.T, s *service) { s.signal(t, syscall.SIGQUIT) },
		"cut off": func(t *testing.T, s *service) {
			startWaiting(t, s.server)
			s.signal(t, syscall.SIGTERM)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachBirth(t, func(t *testing.T, flags ...string) {
				s := startService(t, "apps.workers:app", append(flags, "--graceful-timeout", "1s")...)
				c := beget(t, s)
				die(t, s)
				waitUntilGone(t, c.Daemon, c.Sleep, c.Stubborn)
				assert.True(t, alive(c.Session))
				s.stderr.waitForText(t, "processes that a dead worker had started are ended")
				if ends[name] {
					assert.Equal(t, 0, s.exitCode(t))
				}
			})
		})
	}
}

func TestWorkersThatLeaveInOrderMayLeaveChildrenBehind(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		s := startService(t, "apps.workers:app", flags...)
		old, c := s.status(t).pids(), beget(t, s)
		s.reload(t)
		waitUntilGone(t, old...)
		waitUntilGone(t, c.Daemon) // by multiprocessing's exit function
		s.stop(t)
		assert.True(t, alive(c.Sleep) && alive(c.Stubborn) && alive(c.Session))
		assert.NotContains(t, s.stderr.String(), "had started are ended")
	})
}
