//go:build unix

package systemd

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notifySocketOf makes the socket of a service manager, names it in the environment, and returns what receives the
// next message.
func notifySocketOf(t *testing.T) (next func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ps") // t.TempDir is too long for a socket on some systems
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		buffer := make([]byte, 4096)
		n, err := conn.Read(buffer)
		require.NoError(t, err)
		return string(buffer[:n])
	}
}

func TestNotifySendsStateAndStatusInOneMessage(t *testing.T) {
	next := notifySocketOf(t)
	for name, test := range map[string]struct {
		state        State
		status, want string
	}{
		"ready":                       {Ready, "2 of 2 workers ready", "READY=1\nSTATUS=2 of 2 workers ready"},
		"stopping":                    {Stopping, "1 worker left", "STOPPING=1\nSTATUS=1 worker left"},
		"starting is a status only":   {Starting, "importing", "STATUS=importing"},
		"no status":                   {Ready, "", "READY=1"},
		"no assignment by the status": {Ready, "a\nMAINPID=1\r\nb", "READY=1\nSTATUS=a MAINPID=1 b"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, Notify(test.state, test.status))
			assert.Equal(t, test.want, next())
		})
	}
}

func TestNotifyTellsWhenAReloadBegan(t *testing.T) {
	next := notifySocketOf(t)
	require.NoError(t, Notify(Reloading, "trying generation 2"))
	assert.Regexp(t, regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*\nSTATUS=trying generation 2$`), next())
}

func TestTakeoverNamesThisProcess(t *testing.T) {
	next := notifySocketOf(t)
	require.NoError(t, Takeover("upgraded"))
	assert.Equal(t, fmt.Sprintf("MAINPID=%d\nREADY=1\nSTATUS=upgraded", os.Getpid()), next())
}

func TestWithoutSystemdNothingIsSent(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	assert.NoError(t, Notify(Ready, "ready"))
	assert.NoError(t, Takeover(""))
}

func TestASocketThatIsNotThereIsAnError(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/nonexistent/notify")
	assert.ErrorContains(t, Notify(Ready, ""), "cannot notify systemd at NOTIFY_SOCKET=/nonexistent/notify: ")
}

func TestOtherProcessesSeeWhatIsTheirsOfTheEnvironment(t *testing.T) {
	environ := strings.Fields("PATH=/bin NOTIFY_SOCKET=/run/n WATCHDOG_USEC=5 WATCHDOG_PID=1 LISTEN_PID=1 LISTEN_FDS=1 " +
		"LISTEN_FDNAMES=a LISTEN_PIDFDID=7 LISTEN_ADDRESS=mine")
	assert.Equal(t, []string{"PATH=/bin", "LISTEN_ADDRESS=mine"}, ForWorker(environ))
	assert.Equal(t, []string{"PATH=/bin", "NOTIFY_SOCKET=/run/n", "WATCHDOG_USEC=5", "LISTEN_ADDRESS=mine"}, ForSuccessor(environ))
	assert.Len(t, environ, 9)
	assert.Equal(t, "LISTEN_PIDFDID=7", environ[7], "the caller's is left as it is")
}
