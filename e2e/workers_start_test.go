package e2e_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hanging is a module whose import does not end; where is what its stack says.
const hanging, where = "import time\n\ndef forever():\n    time.sleep(10000)\n\nforever()\n", "in forever"

func TestWorkersWhoseImportHangsAreEndedWithTheirStackAndTheOldGoOn(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		p := newProject(t)
		s := startService(t, projectApp, p.flags(t, append(flags, "--workers", "2", "--start-timeout", "8s")...)...)
		before := s.status(t).pids()
		p.writeSource(t, hanging)
		code, _, stderr := s.control(t, "reload")
		assert.Equal(t, 1, code)
		assert.Contains(t, stderr, "the old one goes on")
		s.stderr.waitForText(t, "--start-timeout 8s")
		s.stderr.waitForText(t, where)
		assert.Equal(t, before, s.waitUntilServing(t).pids())

		p.write(t, "2")
		s.reload(t)
		s.waitForReplaced(t, before...)
	})
}

func TestWorkersThatHangInTheFirstImportEndTheServerWithTheirStack(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		p := newProject(t)
		p.writeSource(t, hanging)
		s := launch(t, projectApp, p.flags(t, append(flags, "--start-timeout", "3")...)...)
		assert.Equal(t, 1, s.exitCode(t))
		assert.Contains(t, s.stderr.String(), "--start-timeout 3s")
		assert.Contains(t, s.stderr.String(), where)
	})
}

func TestWorkersThatAreReplacedRunTheProgramThatTheServerRuns(t *testing.T) {
	t.Parallel()
	if isScript(t) {
		t.Skip("the interpreter reads the script and the package again for each process")
	}
	eachBirth(t, func(t *testing.T, flags ...string) {
		program := programCopy(t)
		s := launchService(t, program, "apps.workers:app", append(flags, "--workers", "2")...)
		before := s.waitUntilServing(t)
		garbage := filepath.Join(t.TempDir(), "garbage")
		require.NoError(t, os.WriteFile(garbage, []byte("not a program"), 0o755))
		require.NoError(t, os.Rename(garbage, program))
		for _, pid := range before.pids() {
			require.NoError(t, killHard(pid))
		}
		s.waitForReplaced(t, before.pids()...)
		s.reload(t)
		s.signal(t, syscall.SIGUSR2)
		s.stderr.waitForText(t, "upgrade failed: this master stays")
	})
}

func TestWorkersAndAllElseThatIsTerminatedTogetherEndsQuietly(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			eachBirth(t, func(t *testing.T, flags ...string) {
				s := startService(t, "apps.workers:app", append(flags, "--workers", "3")...)
				// The master last, as it may be whom the kernel runs last.
				for _, pid := range childrenOf(t, s.cmd.Process.Pid) {
					require.NoError(t, syscall.Kill(pid, signal))
				}
				s.signal(t, signal)
				assert.Equal(t, 0, s.exitCode(t))
				assert.NotContains(t, s.stderr.String(), "ERROR")
				assert.Equal(t, 3, strings.Count(s.stderr.String(), "worker ready"), "no new one is started")
				assert.NotContains(t, s.stderr.String(), "generation=2")
			})
		})
	}
}

// childrenOf returns a process's children and theirs, the youngest first.
func childrenOf(t *testing.T, pid int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // ended
		}
		_, text, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(text); len(fields) > 1 && fields[1] == itoa(pid) {
			child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			require.NoError(t, err)
			pids = append(append(pids, childrenOf(t, child)...), child)
		}
	}
	return pids
}
