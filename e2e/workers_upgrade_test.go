package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// programCopy returns a copy of pyserve that a test may replace.
func programCopy(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pyserve")
	replaceProgram(t, path, need(t, "PYSERVE_BIN"))
	return path
}

// replaceProgram puts a copy of the file from in the place of path, as an installation does. Another process copies: a
// file that this one has open for writing could not be run as long as a child that it starts meanwhile has it, too.
func replaceProgram(t *testing.T, path, from string) {
	t.Helper()
	output, err := exec.Command("cp", from, path+".new").CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.NoError(t, os.Rename(path+".new", path))
}

func TestWorkersOfANewBinaryTakeOverWithoutAFailedRequest(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		program := programCopy(t)
		s := launchService(t, program, "apps.workers:app", append(flags, "--workers", "2")...)
		before := s.waitUntilServing(t)
		l := startLoad(t, s.server)
		replaceProgram(t, program, need(t, "PYSERVE_BIN"))
		s.signal(t, syscall.SIGUSR2)
		assert.Equal(t, 0, s.upgradedCode(t), "the old master leaves when the new one serves")
		now := s.waitUntilServing(t)
		assert.NotEqual(t, before.PID, now.PID, "the PID file names the new master")
		waitUntilGone(t, before.pids()...)
		for _, a := range l.next(t, 20) {
			require.Contains(t, now.pids(), a.pid)
		}

		// What a master was told it can tell again.
		require.NoError(t, syscall.Kill(now.PID, syscall.SIGUSR2))
		waitUntilGone(t, now.PID)
		third := s.waitUntilServing(t)
		assert.NotEqual(t, now.PID, third.PID)
		s.reload(t)
		l.next(t, 20)
		l.stop(t)
		s.stopUpgraded(t)
	})
}

// upgradedCode is exitCode for a server whose output a new master goes on with.
func (s *service) upgradedCode(t *testing.T) int {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		require.FailNow(t, "the old master does not leave")
	}
	return s.cmd.ProcessState.ExitCode()
}

// stopUpgraded stops a master that is not the test's child.
func (s *service) stopUpgraded(t *testing.T) {
	t.Helper()
	now := s.status(t)
	code, _, stderr := s.control(t, "stop")
	require.Equal(t, 0, code, stderr)
	waitUntilGone(t, append(now.pids(), now.PID)...)
	assert.NoFileExists(t, s.pidFile)
}

func TestWorkersStayWhenTheNewBinaryFails(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"at once":                 "#!/bin/sh\nexit 1\n",
		"and says it is ready":    "#!/bin/sh\necho ready\nexit 0\n",
		"as it is no program":     "nothing\n",
		"as it dies of a signal":  "#!/bin/sh\nkill -9 $$\n",
		"as it closes everything": "#!/bin/sh\nfor fd in 3 4 5 6; do eval \"exec $fd>&-\"; done\nexec sleep 1000\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := programCopy(t)
			s := launchService(t, program, "apps.workers:app", "--workers", "2")
			before := s.waitUntilServing(t)
			l := startLoad(t, s.server)
			require.NoError(t, os.Remove(program))
			require.NoError(t, os.WriteFile(program, []byte(script), 0o755))
			s.signal(t, syscall.SIGUSR2)
			s.stderr.waitForText(t, "upgrade failed: this master stays")
			l.next(t, 20)
			now := s.waitUntilServing(t)
			assert.Equal(t, before.PID, now.PID)
			assert.Equal(t, before.pids(), now.pids())

			require.NoError(t, os.Remove(program))
			replaceProgram(t, program, need(t, "PYSERVE_BIN"))
			s.signal(t, syscall.SIGUSR2)
			assert.Equal(t, 0, s.upgradedCode(t), "a good one still takes over")
			s.waitUntilServing(t)
			l.stop(t)
			s.stopUpgraded(t)
		})
	}
}

func TestWorkersKeepTheUnixSocketThroughAnUpgrade(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	s := startService(t, "apps.workers:app", "--workers", "2", "--bind", "unix:"+path)
	l := startLoad(t, s.server)
	s.signal(t, syscall.SIGUSR2)
	assert.Equal(t, 0, s.upgradedCode(t))
	assert.FileExists(t, path)
	l.next(t, 20)
	l.stop(t)
	s.stopUpgraded(t)
	assert.NoFileExists(t, path)
}

func TestWorkersStayWhenTheNewBinaryCannotImportTheApplication(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		path := socketPath(t)
		p := newProject(t)
		s := startService(t, projectApp, p.flags(t, append(flags, "--workers", "2", "--bind", "unix:"+path)...)...)
		before := s.status(t)
		l := startLoad(t, s.server)
		p.writeSource(t, "import nothing_that_is_there\n")
		s.signal(t, syscall.SIGUSR2)
		s.stderr.waitForText(t, "upgrade failed: this master stays")
		assert.FileExists(t, path, "the socket is still the old master's")
		l.next(t, 20)
		now := s.waitUntilServing(t)
		assert.Equal(t, before.PID, now.PID)
		assert.Equal(t, before.pids(), now.pids())
		p.write(t, "2")
		s.reload(t)
		l.waitForVersion(t, "2")
		l.stop(t)
		s.stop(t)
		assert.NoFileExists(t, path)
	})
}

// socketPath returns a short path, as a socket's has to be: 104 bytes on macOS.
func socketPath(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "pyserve")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	return filepath.Join(folder, "socket")
}

func TestWorkersFinishTheirRequestsWhenTheMasterIsKilled(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		s := startService(t, "apps.workers:app", append(flags, "--workers", "2")...)
		pids := s.status(t).pids()
		l := startLoad(t, s.server)
		w := startWaiting(t, s.server)
		l.expectTheEnd()
		s.signal(t, syscall.SIGKILL)
		s.waitUntilRefused(t)
		w.finish(t)
		waitUntilGone(t, pids...)
		waitUntilGroupGone(t, s.cmd.Process.Pid)
		l.stop(t)
	})
}
