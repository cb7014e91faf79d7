package e2e_test

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWorkersThatDieAreReplacedAndTheLogSaysWhatTheyDid(t *testing.T) {
	t.Parallel()
	for _, death := range []struct {
		name, path string
		kill       bool   // from outside
		exit       string // how the log names it
		frame      string // of the Python stack
	}{
		{name: "by os._exit", path: "/exits", exit: "exit_code=3"},
		{name: "by os.abort", path: "/aborts", exit: "signal=SIGABRT", frame: " in aborts\n"},
		{name: "by a segmentation fault", path: "/segfaults", exit: "signal=SIGSEGV", frame: " in segfaults\n"},
		{name: "by kill -9", path: "/wait", kill: true, exit: "signal=SIGKILL"},
	} {
		t.Run(death.name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, "apps.workers:app", "--workers", "2", "--threads", "4")
			before := s.status(t).pids()
			l := startLoad(t, s.server)
			victim := s.keep(t)
			pid := victim.pid(t)
			l.expectDeathOf(pid)
			target := death.path + "?of=" + itoa(pid)
			if death.kill {
				w := startWaitingOn(t, victim.Conn)
				target = w.target
				require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			} else {
				_, err := io.WriteString(victim, head("GET", target))
				require.NoError(t, err)
			}
			assert.Empty(t, readToEnd(t, victim), "a closed connection, nothing worse")
			s.stderr.waitFor(t, regexp.MustCompile(fmt.Sprintf(
				`(?s)worker died worker=\d pid=%d generation=1 %s [^\n]*\n(    in [^\n]*\n)*    in GET "%s" for \S+ on thread \d\n.*%s`,
				pid, death.exit, regexp.QuoteMeta(target), regexp.QuoteMeta(death.frame))))
			now := s.waitForReplaced(t, pid)
			for _, other := range before {
				assert.True(t, other == pid || now.serves(other), "worker %d had nothing to do with it", other)
			}
			l.next(t, 50)
			l.stop(t)
			assert.Equal(t, 1, strings.Count(s.stderr.String(), "worker died"))
		})
	}
}

func TestWorkersThatRunOutOfMemoryHarmNoOthers(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app", "--workers", "2", "--threads", "2")
	other, victim := s.keep(t), s.keep(t)
	pid := victim.pid(t)
	for other.pid(t) == pid {
		other = s.keep(t)
	}
	_, err := io.WriteString(victim, head("GET", "/exhausts", "Connection: close"))
	require.NoError(t, err)
	if answer := readToEnd(t, victim); answer != "" {
		assert.Regexp(t, `^HTTP/1.1 500 `, answer)
		s.stderr.waitForText(t, "MemoryError")
	} else { // Go's runtime was the one to ask next
		s.stderr.waitFor(t, regexp.MustCompile(fmt.Sprintf(`worker died worker=\d pid=%d .*\n    in GET "/exhausts" for`, pid)))
	}
	assert.NotEqual(t, pid, other.pid(t), "the other worker goes on")
	require.NoError(t, other.Close())
	startLoad(t, s.server).stop(t) // and the service is whole again
}

func TestWorkersThatKeepDyingAreRestartedEverMoreSlowly(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app", "--workers", "1")
	for _, delay := range []string{"0s", "500ms", "1s"} {
		pid := s.waitUntilServing(t).Workers[0].PID
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		s.stderr.waitForText(t, "restart_in="+delay)
		// Who comes while there is no worker waits in the listener's queue.
		assert.NotEqual(t, pid, ask[int](t, s, "/pid"))
	}
	assert.Equal(t, 3, s.status(t).Workers[0].Restarts)
}

// serves reports whether a worker is there and ready.
func (s status) serves(pid int) bool {
	for _, w := range s.Workers {
		if w.PID == pid {
			return w.State == "ready"
		}
	}
	return false
}
