package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// titleOf returns what ps shows for a process, and what is in its environment.
func titleOf(t *testing.T, pid int) (title, comm, environment string) {
	t.Helper()
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join("/proc", itoa(pid), name))
		require.NoError(t, err)
		return string(content)
	}
	return strings.TrimRight(read("cmdline"), "\x00"), strings.TrimSpace(read("comm")), read("environ")
}

func TestProcessesHaveTitles(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		s := startService(t, "apps.workers:app", append(flags, "--workers", "2")...)
		want := []string{"pyserve: master [apps.workers:app]", "pyserve: worker 0 [apps.workers:app]", "pyserve: worker 1 [apps.workers:app]"}
		if len(flags) > 0 && isScript(t) {
			t.Skip("the zygote of the wheel is Python alone, and has no title")
		}
		if len(flags) > 0 {
			want = append(want, "pyserve: zygote [apps.workers:app]")
		}
		var titles []string
		for _, pid := range append(childrenOf(t, s.cmd.Process.Pid), s.cmd.Process.Pid) {
			title, comm, environment := titleOf(t, pid)
			titles = append(titles, title)
			assert.Equal(t, filepath.Base(s.program), comm, "not exe, as which it was started")
			assert.Contains(t, environment, "PYTHONDONTWRITEBYTECODE=1\x00", "it can be read as before")
		}
		assert.ElementsMatch(t, want, titles)

		if isScript(t) {
			return // setproctitle looks for the arguments that the interpreter has had, and finds our title
		}
		pid := ask[int](t, s, "/titled")
		title, _, _ := titleOf(t, pid)
		assert.Equal(t, "a title of the application's, "+strings.Repeat("x", 100), title)
	})
}

func TestSetproctitleWorksWithoutWorkers(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.workers:app", "--workers", "0")
	require.Equal(t, 200, s.client(t).get(t, "/titled").Status)
	title, _, _ := titleOf(t, s.cmd.Process.Pid)
	assert.Contains(t, title, "a title of the application's, x")
}
