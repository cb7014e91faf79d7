package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contained starts pyserve as process 1 of a process id namespace, and returns its process id outside.
func contained(t *testing.T, flags ...string) (s *server, first int) {
	t.Helper()
	if os.Geteuid() != 0 || exec.Command("unshare", "--fork", "--pid", "--mount-proc", "true").Run() != nil {
		t.Skip("namespaces need root, and a kernel that lets it")
	}
	args := append([]string{"--fork", "--pid", "--mount-proc", "--kill-child", need(t, "PYSERVE_BIN"), "--venv", need(t, "PYSERVE_VENV"),
		"--chdir", testdata(t), "--bind", "127.0.0.1:0"}, flags...)
	cmd := exec.Command("unshare", append(args, "apps.workers:app")...)
	cmd.Env = environment()
	s = runServer(t, cmd)
	found := s.stderr.waitFor(t, readyLine)
	s.network, s.addr, s.URL = "tcp", strings.TrimPrefix(found[1], "http://"), found[1]
	for _, pid := range childrenOf(t, cmd.Process.Pid) {
		if parent, _ := statOf(t, pid); parent == itoa(cmd.Process.Pid) {
			return s, pid
		}
	}
	require.FailNow(t, "there is no process 1")
	return nil, 0
}

// statOf returns a process's parent and state, "" if it has gone.
func statOf(t *testing.T, pid int) (parent, state string) {
	t.Helper()
	stat, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "stat"))
	if err != nil {
		return "", ""
	}
	_, text, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(text)
	return fields[1], fields[0]
}

func TestAsProcessOneOrphansOfTheApplicationAreReapedAndSignalsAreObeyed(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"with workers": {"--workers", "2"}, "without workers": {"--workers", "0"}, "with a zygote": {"--preload"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, first := contained(t, flags...)
			for range 3 {
				require.Equal(t, 200, s.client(t).get(t, "/orphans", "Connection", "close").Status)
			}
			require.Eventually(t, func() bool {
				for _, pid := range childrenOf(t, first) {
					name, _ := os.ReadFile(filepath.Join("/proc", itoa(pid), "comm"))
					if _, state := statOf(t, pid); state == "Z" || strings.HasPrefix(string(name), "sleep") {
						return false
					}
				}
				return true
			}, patience, 10*time.Millisecond, "zombies are left")
			require.NoError(t, syscall.Kill(first, syscall.SIGTERM))
			assert.Equal(t, 0, s.exitCode(t))
			assert.NotContains(t, s.stderr.String(), "ERROR")
		})
	}
}

func TestAsProcessOneTheExitCodeIsTheServers(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 || exec.Command("unshare", "--fork", "--pid", "--mount-proc", "true").Run() != nil {
		t.Skip("namespaces need root, and a kernel that lets it")
	}
	code, _, stderr, err := runProgram("unshare", "--fork", "--pid", "--mount-proc", need(t, "PYSERVE_BIN"), "--bind", "127.0.0.1:0", "no_such_module:app")
	require.NoError(t, err)
	assert.Equal(t, 1, code, stderr)
}
