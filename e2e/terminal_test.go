package e2e_test

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A pty is a terminal whose window is this test.
type pty struct{ window, line *os.File }

func openPTY(t *testing.T) pty {
	t.Helper()
	window, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { window.Close() })
	number, err := unix.IoctlGetInt(int(window.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(window.Fd()), unix.TIOCSPTLCK, 0))
	line, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	return pty{window, line}
}

// startOnTerminal starts a server in the foreground of a terminal, with its messages going elsewhere.
func startOnTerminal(t *testing.T, wrap []string, flags ...string) (*service, pty) {
	t.Helper()
	p := openPTY(t)
	s := &service{program: need(t, "PYSERVE_BIN"), pidFile: t.TempDir() + "/pid"}
	args := append(wrap, s.program, "--venv", need(t, "PYSERVE_VENV"), "--chdir", testdata(t), "--bind", "127.0.0.1:0",
		"--pid-file", s.pidFile, "--log-level", "debug")
	cmd := exec.Command(args[0], append(append(args[1:], flags...), "apps.workers:app")...)
	cmd.Env = environment()
	cmd.Stdin = p.line
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.server = runServer(t, cmd)
	p.line.Close()
	s.waitUntilReady(t)
	return s, p
}

func TestATerminalThatIsResizedStopsNoWorkers(t *testing.T) {
	t.Parallel()
	s, p := startOnTerminal(t, nil, "--workers", "2")
	before := s.waitUntilServing(t).pids()
	require.NoError(t, unix.IoctlSetWinsize(int(p.window.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 132}))
	s.stderr.waitForText(t, "window changed")
	assert.Equal(t, before, s.status(t).pids())
	assert.NotZero(t, ask[int](t, s, "/pid"))
	s.stop(t)
}

func TestUnderNohupAServerOutlivesItsTerminal(t *testing.T) {
	t.Parallel()
	nohup := []string{"sh", "-c", `trap "" HUP; exec "$@"`, "sh"}
	s, p := startOnTerminal(t, nohup, "--workers", "1")
	before := s.waitUntilServing(t)
	require.NoError(t, p.window.Close())
	s.stderr.waitForText(t, "no order signal=hangup")
	now := s.status(t)
	assert.Equal(t, before.pids(), now.pids())
	assert.Equal(t, before.Newest, now.Newest, "nothing was reloaded")
	require.Eventually(t, func() bool { // in the first second it could be the shell's word about the terminal
		s.signal(t, syscall.SIGHUP)
		return s.status(t).Newest > now.Newest
	}, patience, patience/200, "a later HUP is an order")
	s.waitForReplaced(t, before.pids()...)
	s.stop(t)
}

func TestAServerWithoutMasterEndsWithItsTerminal(t *testing.T) {
	t.Parallel()
	s, p := startOnTerminal(t, nil, "--workers", "0")
	s.signal(t, syscall.SIGHUP)
	s.stderr.waitForText(t, "hangup is ignored")
	require.NoError(t, p.window.Close())
	assert.Equal(t, 0, s.exitCode(t))
}
