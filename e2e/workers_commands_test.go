package e2e_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWorkersOfTwoServersNeedTwoPIDFiles(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app")
	other := launch(t, "apps.workers:app", "--pid-file", s.pidFile)
	assert.Equal(t, 1, other.exitCode(t))
	assert.Contains(t, other.stderr.String(), fmt.Sprintf("is that of process %d, which is running", s.cmd.Process.Pid))
	assert.Equal(t, s.cmd.Process.Pid, s.status(t).PID, "the file is left alone")

	s.signal(t, 9)
	s.exitCode(t)
	require.FileExists(t, s.pidFile)
	next := &service{program: s.program, pidFile: s.pidFile, server: start(t, "apps.workers:app", "--pid-file", s.pidFile)}
	assert.Equal(t, next.cmd.Process.Pid, next.status(t).PID, "what a killed server left is overwritten")
	next.stop(t)
	assert.NoFileExists(t, s.pidFile)
}

func TestWorkersOfNoServerCannotBeCommanded(t *testing.T) {
	t.Parallel()
	foreign := exec.Command("sleep", "1000")
	require.NoError(t, foreign.Start())
	t.Cleanup(func() { _ = foreign.Process.Kill(); _ = foreign.Wait() })
	ended := exec.Command("true")
	require.NoError(t, ended.Run())
	for _, file := range []struct{ name, content, want string }{
		{"there is no file", "", "there is no PID file"},
		{"it is empty", "\n", "holds no process id"},
		{"it holds something else", "pyserve\n", "holds no process id"},
		{"its process has ended", itoa(ended.Process.Pid), itoa(ended.Process.Pid)},
		{"its process is no pyserve", itoa(foreign.Process.Pid), fmt.Sprintf("process %d ", foreign.Process.Pid)},
	} {
		t.Run(file.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pid")
			if file.content != "" {
				require.NoError(t, os.WriteFile(path, []byte(file.content), 0o644))
			}
			for _, command := range []string{"status", "reload", "stop"} {
				code, stdout, stderr := control(t, command, "--pid-file", path)
				assert.Equal(t, 1, code, command)
				assert.Empty(t, stdout)
				assert.Contains(t, stderr, file.want, command)
			}
			assert.True(t, alive(foreign.Process.Pid), "nobody else's process gets a signal")
		})
	}
	code, _, stderr := control(t, "stop")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "--pid-file")
}

func TestWorkersAreShownStoppedAndReloadedByCommand(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app", "--workers", "2")
	w := startWaiting(t, s.server)
	code, stdout, stderr := s.control(t, "status")
	require.Equal(t, 0, code, stderr)
	assert.Contains(t, stdout, fmt.Sprintf("process %d, serves apps.workers:app on %s", s.cmd.Process.Pid, s.URL))
	assert.Contains(t, stdout, "ready, generation 1, 2 of 2 workers ready")
	assert.Regexp(t, `GET "/wait\?fifo=[^"]*" for \S+ on thread \d`, stdout)
	assert.Regexp(t, `since the start: \d+ requests, half of them within \S+ ms, 99 of 100 within \S+ ms; workers replaced: none\n`, stdout)
	w.finish(t)
	require.NoError(t, w.conn.Close())
	s.reload(t)
	_, stdout, _ = s.control(t, "status")
	assert.Contains(t, stdout, "workers replaced: reload 2\n")

	pids := s.waitUntilServing(t).pids()
	code, _, stderr = s.control(t, "stop")
	assert.Equal(t, 0, code, stderr)
	assert.False(t, alive(s.cmd.Process.Pid), "stop waits for the end")
	waitUntilGone(t, pids...)
	assert.Equal(t, 0, s.exitCode(t))
}

func TestAServerWithoutWorkersIsStoppedByCommand(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pid")
	s := start(t, "apps.workers:app", "--workers", "0", "--pid-file", path)
	require.FileExists(t, path)
	code, _, stderr := control(t, "stop", "--pid-file", path)
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, 0, s.exitCode(t))
	assert.NoFileExists(t, path)
}

func TestStatusCountsWhatWasRefusedAndWhatHasFailed(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app", "--threads", "1", "--queue", "1")
	require.Equal(t, 500, s.client(t).get(t, "/raises", "Connection", "close").Status)
	w := startWaiting(t, s.server)
	var waiting []net.Conn
	for range 4 { // one of which finds a place in the queue
		conn := s.dial(t)
		_, err := io.WriteString(conn, head("GET", "/pid", "Connection: close"))
		require.NoError(t, err)
		waiting = append(waiting, conn)
	}
	s.waitForStatus(t, "three are refused", func(now status) bool {
		return now.Counts[0].Counters["refused"] == 3 && now.Counts[0].Counters["failed"] == 1
	})
	w.finish(t)
	for _, conn := range waiting {
		assert.NotEmpty(t, readToEnd(t, conn))
	}
}
