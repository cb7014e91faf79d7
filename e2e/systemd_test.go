//go:build linux

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

// manager is the socket that systemd is told the state at.
type manager struct {
	conn *net.UnixConn
	path string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "ps") // a socket's path has to be short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := &manager{path: filepath.Join(dir, "notify")}
	m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { m.conn.Close() })
	return m
}

// waitFor returns the first message from now on that has a line.
func (m *manager) waitFor(t *testing.T, line string) string {
	t.Helper()
	require.NoError(t, m.conn.SetReadDeadline(time.Now().Add(patience)))
	buffer := make([]byte, 4096)
	for {
		n, err := m.conn.Read(buffer)
		require.NoError(t, err, "%s does not come", line)
		if message := string(buffer[:n]); strings.Contains("\n"+message+"\n", "\n"+line+"\n") {
			return message
		}
	}
}

func TestSystemdIsToldTheState(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	s := launchProgram(t, need(t, "PYSERVE_BIN"), []string{"NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=200000"}, "apps.demo", "--workers", "2")
	s.waitUntilReady(t)
	assert.Contains(t, m.waitFor(t, "READY=1"), "STATUS=2 of 2 workers ready")
	m.waitFor(t, "WATCHDOG=1")
	m.waitFor(t, "WATCHDOG=1")
	s.signal(t, syscall.SIGHUP)
	assert.Contains(t, m.waitFor(t, "RELOADING=1"), "MONOTONIC_USEC=")
	m.waitFor(t, "READY=1")
	s.signal(t, syscall.SIGTERM)
	m.waitFor(t, "STOPPING=1")
	assert.Equal(t, 0, s.exitCode(t))
}

func TestSocketsOfSystemdAreServed(t *testing.T) {
	t.Parallel()
	for name, workers := range map[string]string{"by workers": "2", "without workers": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			file, err := l.(*net.TCPListener).File()
			require.NoError(t, err)
			defer file.Close()

			// LISTEN_PID is the number of the process itself.
			script := `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$@"`
			cmd := exec.Command("sh", "-c", script, "sh", need(t, "PYSERVE_BIN"), "--venv", need(t, "PYSERVE_VENV"),
				"--chdir", testdata(t), "--workers", workers, "flaskapp:app")
			cmd.Env = environment()
			cmd.ExtraFiles = []*os.File{file}
			s := runServer(t, cmd)
			s.waitUntilReady(t)
			assert.Equal(t, "http://"+l.Addr().String(), s.URL)
			s.stderr.waitForText(t, "systemd's socket web is "+l.Addr().String())
			assert.Equal(t, 200, s.client(t).get(t, "/hello").Status)
			s.stop(t)
			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err, "the socket is systemd's")
			c.Close()
		})
	}
}

func TestSystemdIsToldTheStateOfAServerWithoutWorkersAndTheApplicationNothingOfIt(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	s := launchProgram(t, need(t, "PYSERVE_BIN"), []string{"NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=200000"}, "apps.workers:app", "--workers", "0")
	s.waitUntilReady(t)
	m.waitFor(t, "READY=1")
	m.waitFor(t, "WATCHDOG=1")
	m.waitFor(t, "WATCHDOG=1")
	assert.Empty(t, getJSON[[]string](t, s.client(t), "/managed", "Connection", "close"))
	s.signal(t, syscall.SIGTERM)
	m.waitFor(t, "STOPPING=1")
	assert.Equal(t, 0, s.exitCode(t))
}
