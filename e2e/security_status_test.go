package e2e_test

import (
	"net"
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

func TestAnImpostorAtTheStatusSocketIsFoundOut(t *testing.T) {
	t.Parallel()
	victim := exec.Command("sleep", "1000")
	require.NoError(t, victim.Start())
	t.Cleanup(func() { _, _ = victim.Process.Kill(), victim.Wait() })
	pid := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, os.WriteFile(pid, []byte(itoa(victim.Process.Pid)), 0o644))
	impostor, err := net.Listen("unix", "@pyserve/"+itoa(victim.Process.Pid))
	require.NoError(t, err)
	defer impostor.Close()
	go func() {
		for {
			c, err := impostor.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(`{"App": "\u001b[31m", "State": "ready"}`))
			c.Close()
		}
	}()
	for _, command := range []string{"status", "reload", "stop"} {
		code, stdout, stderr := control(t, command, "--pid-file", pid)
		assert.Equal(t, 1, code)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "has taken its place", command)
	}
	assert.NoError(t, victim.Process.Signal(syscall.Signal(0)), "nobody has stopped it")
}

func TestOnlyRootAndTheSameUserAreToldTheStatus(t *testing.T) {
	t.Parallel()
	_, uid, gid := nobody(t)
	s := startService(t, "apps.workers:app", "--user", "nobody")
	require.NoError(t, os.Chmod(filepath.Dir(filepath.Dir(s.pidFile)), 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(s.pidFile), 0o755))
	cmd := exec.Command(need(t, "PYSERVE_BIN"), "status", "--pid-file", s.pidFile)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	output, _ := cmd.CombinedOutput()
	assert.Equal(t, 1, cmd.ProcessState.ExitCode())
	assert.Contains(t, string(output), "only the same user and root may ask")
	_, stdout, _ := s.control(t, "status")
	assert.Contains(t, stdout, "apps.workers:app")
}

func TestTheStatusShowsNoTextForTerminals(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.hostile:app", "--graceful-timeout", "1")
	conn := s.dial(t)
	_, err := conn.Write([]byte("GET /wait?\xe2\x80\xae\x9b31m HTTP/1.1\r\nHost: a\r\n\r\n"))
	require.NoError(t, err)
	var text string
	require.Eventually(t, func() bool {
		_, text, _ = s.control(t, "status")
		return strings.Contains(text, "/wait")
	}, patience, 10*time.Millisecond)
	assert.NotContains(t, text, "\x9b")
	assert.NotContains(t, text, "\u202e")
	_, text, _ = s.control(t, "status", "--json")
	assert.NotContains(t, text, "\u202e")
}
