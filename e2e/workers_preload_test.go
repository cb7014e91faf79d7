package e2e_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// birth is what /birth of testdata/apps/workers.py tells.
type birth struct {
	PID        int
	ImportedBy int `json:"imported_by"`
	Hooks      []string
	MainThread bool `json:"main_thread"`
	NativeID   int  `json:"native_id"`
	Frozen     int
	Variables  []string
	Argv       []string
}

func TestWorkersThatAreForkedAreWholePythonProcesses(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app", "--preload", "--workers", "2", "--threads", "1")
	got := ask[birth](t, s, "/birth")
	assert.Contains(t, s.status(t).pids(), got.PID)
	assert.NotEqual(t, got.PID, got.ImportedBy, "the application was imported before the fork")
	assert.NotEqual(t, s.cmd.Process.Pid, got.ImportedBy, "and not by the master")
	assert.Equal(t, []string{"before", "after in child"}, got.Hooks)
	assert.True(t, got.MainThread, "thread 0 is Python's main thread")
	assert.Equal(t, got.PID, got.NativeID)
	assert.Greater(t, got.Frozen, 1000, "what was imported is not copied by the garbage collector")
	assert.Subset(t, []string{"PYSERVE_ENGINE"}, got.Variables, "what the master told the process is no business of the application's")
	assert.Equal(t, []string{filepath.Join(testdata(t), "apps/workers.py")}, got.Argv, "as if Python had run the file")
}

func TestWorkersAreForkedFromANewZygoteAfterAReload(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	s := startService(t, projectApp, p.flags(t, "--preload", "--workers", "2")...)
	old := ask[birth](t, s, "/birth").ImportedBy
	p.write(t, "2")
	s.reload(t)
	assert.NotEqual(t, old, ask[birth](t, s, "/birth").ImportedBy)
	waitUntilGone(t, old)
}

func TestWorkersSurviveTheirZygote(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app", "--preload", "--workers", "2")
	before := s.status(t)
	l := startLoad(t, s.server)
	for range 2 {
		zygote := ask[birth](t, s, "/birth").ImportedBy
		require.NoError(t, killHard(zygote))
		now := s.waitForReplaced(t, before.pids()...)
		assert.Greater(t, now.Generation, before.Generation)
		assert.NotEqual(t, zygote, ask[birth](t, s, "/birth").ImportedBy)
		before = now
	}
	l.stop(t)
	assert.NotContains(t, s.stderr.String(), "worker died")
}

func TestAnApplicationThatReapsAllChildrenDoesNotReapTheZygotes(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.reaps:app", "--preload", "--workers", "2")
	zygote := ask[birth](t, s, "/").ImportedBy
	for range 3 {
		before := s.status(t).pids()
		require.NoError(t, killHard(before[0]))
		s.waitForReplaced(t, before[0])
	}
	assert.Equal(t, zygote, ask[birth](t, s, "/").ImportedBy)
}
