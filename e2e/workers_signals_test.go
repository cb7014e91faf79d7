package e2e_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWorkersAnswerWhatRunsWhenTheServerIsStopped(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		s := startService(t, "apps.workers:app", append(flags, "--workers", "2")...)
		pids := s.status(t).pids()
		l := startLoad(t, s.server)
		var waits []*waiting
		for range 4 {
			waits = append(waits, startWaiting(t, s.server))
		}
		l.expectTheEnd()
		s.signal(t, syscall.SIGTERM)
		s.waitUntilRefused(t)
		require.True(t, s.running(), "requests are still running")
		for _, w := range waits {
			w.finish(t)
		}
		assert.Equal(t, 0, s.exitCode(t))
		waitUntilGone(t, pids...)
		assert.NoFileExists(t, s.pidFile)
		l.stop(t)
	})
}

func TestWorkersAreQuitByASecondInterruptAndByQuit(t *testing.T) {
	t.Parallel()
	for name, quit := range map[string]func(t *testing.T, s *service){
		"a second SIGINT": func(t *testing.T, s *service) {
			s.signal(t, syscall.SIGINT)
			s.waitUntilRefused(t)
			require.True(t, s.running(), "a request is still running")
			s.signal(t, syscall.SIGINT)
		},
		"SIGQUIT": func(t *testing.T, s *service) { s.signal(t, syscall.SIGQUIT) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, "apps.workers:app", "--workers", "2", "--graceful-timeout", "1h")
			pids := s.status(t).pids()
			w := startWaiting(t, s.server)
			quit(t, s)
			assert.Equal(t, 0, s.exitCode(t))
			waitUntilGone(t, pids...)
			assert.Empty(t, readToEnd(t, w.conn))
			assert.NotContains(t, s.stderr.String(), "goroutine ", "no Go stacks")
		})
	}
}

func TestWorkersLeaveTheSignalsOfATerminalToTheMaster(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app", "--workers", "2")
	pids := s.status(t).pids()
	w := startWaiting(t, s.server)
	require.NoError(t, syscall.Kill(-s.cmd.Process.Pid, syscall.SIGINT)) // to all of the group, as by Ctrl-C
	s.waitUntilRefused(t)
	w.finish(t)
	assert.Equal(t, 0, s.exitCode(t))
	waitUntilGone(t, pids...)
}

func TestWorkersThatSomebodyElseTerminatesAreReplaced(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app", "--workers", "2")
	before := s.status(t).pids()
	require.NoError(t, syscall.Kill(before[0], syscall.SIGTERM))
	now := s.waitForReplaced(t, before[0])
	assert.Contains(t, now.pids(), before[1])
	assert.NotZero(t, ask[int](t, s, "/pid"))
}

func TestWorkersBecomeMoreAndFewerBySignals(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app", "--workers", "1")
	l := startLoad(t, s.server)
	for _, step := range []struct {
		signal syscall.Signal
		want   int
	}{
		{syscall.SIGTTIN, 2}, {syscall.SIGTTIN, 3}, {syscall.SIGTTOU, 2}, {syscall.SIGTTOU, 1},
	} {
		s.signal(t, step.signal)
		s.waitForStatus(t, "the number of workers follows", func(now status) bool {
			return now.Wanted == step.want && now.Serving == step.want && len(now.Workers) == step.want
		})
	}
	s.signal(t, syscall.SIGTTOU)
	s.stderr.waitForText(t, "the number of workers stays at 1")
	assert.Equal(t, 1, s.status(t).Serving)
	l.stop(t)
}

func TestWorkersAllLeaveAtWinchAndComeBackAtHup(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app", "--workers", "2") // its standard error is no terminal
	l := startLoad(t, s.server)
	before := s.status(t).pids()
	s.signal(t, syscall.SIGWINCH)
	s.waitForStatus(t, "no worker is left", func(now status) bool { return len(now.Workers) == 0 })
	waitUntilGone(t, before...)
	s.signal(t, syscall.SIGHUP) // who has come meanwhile has waited
	now := s.waitUntilServing(t)
	assert.Len(t, now.Workers, 2)
	l.next(t, 20)
	l.stop(t)
}

func TestWorkersReopenTheAccessLogWithoutLosingALine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	s := startService(t, "apps.workers:app", "--workers", "2", "--access-log", path)
	l := startLoad(t, s.server)
	rotated := []string{path + ".1", path + ".2"}
	for _, to := range rotated {
		require.NoError(t, os.Rename(path, to))
		s.signal(t, syscall.SIGUSR1)
		for _, pid := range s.status(t).pids() {
			require.Eventually(t, func() bool { return holds(pid, path) && !holds(pid, to) },
				patience, 5*time.Millisecond, "worker %d does not reopen the log", pid)
		}
		l.next(t, 50)
	}
	l.stop(t)
	s.stop(t)
	lines := map[string]int{}
	for _, file := range append(rotated, path) {
		for _, request := range requestsIn(t, file) {
			lines[request]++
		}
	}
	assert.Len(t, lines, l.begun)
	for request, times := range lines {
		require.Equal(t, 1, times, request)
	}
}

// holds reports whether a process has the file path open.
func holds(pid int, path string) bool {
	links, _ := filepath.Glob(filepath.Join("/proc", itoa(pid), "fd", "*"))
	for _, link := range links {
		if file, err := os.Readlink(link); err == nil && file == path {
			return true
		}
	}
	return false
}

// requestsIn returns the targets of /answer in an access log of whole lines.
func requestsIn(t *testing.T, path string) (targets []string) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		fields := strings.Fields(scanner.Text())
		require.Greater(t, len(fields), 8, scanner.Text())
		targets = append(targets, fields[6])
	}
	return targets
}
