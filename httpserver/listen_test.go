package httpserver

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func mustListen(t *testing.T, bind string) net.Listener {
	t.Helper()
	l, err := Listen(bind)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func TestListenTakesHostAndPort(t *testing.T) {
	for name, bind := range map[string]string{
		"IPv4":             "127.0.0.1:0",
		"every address":    ":0",
		"every IPv4":       "0.0.0.0:0",
		"IPv6 in brackets": "[::1]:0",
		"a name":           "localhost:0",
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(bind, "::1") {
				if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
					t.Skip("no IPv6 here")
				} else {
					l.Close()
				}
			}
			l := mustListen(t, bind)
			_, port, err := net.SplitHostPort(l.Addr().String())
			require.NoError(t, err)
			assert.NotEqual(t, "0", port)
		})
	}
	assert.Equal(t, "0.0.0.0", mustListen(t, "0.0.0.0:0").Addr().(*net.TCPAddr).IP.String(), "IPv4 only")
}

func TestListenSaysWhatIsWrongWithAnAddress(t *testing.T) {
	for name, c := range map[string]struct{ bind, want string }{
		"nothing":              {"", "it is no address: write HOST:PORT, :PORT, [IPv6]:PORT or unix:PATH"},
		"a port alone":         {"8000", "it has no host: write :8000 for every address, or 127.0.0.1:8000 for this machine only"},
		"a host alone":         {"localhost", "it is no address"},
		"an address alone":     {"127.0.0.1", "it has no port: write 127.0.0.1:8000"},
		"IPv6 without port":    {"::1", "it has no port: write [::1]:8000"},
		"a service":            {"localhost:http", `the port "http" is no number from 0 to 65535`},
		"a port too high":      {"localhost:65536", `the port "65536" is no number`},
		"a negative port":      {"localhost:-1", `the port "-1" is no number`},
		"an empty port":        {"localhost:", `the port "" is no number`},
		"somebody's address":   {"192.0.2.1:0", "this machine has no address 192.0.2.1"},
		"an empty unix path":   {"unix:", "it has no path: write unix:PATH"},
		"no such folder":       {"unix:/no/such/folder/socket", "the folder /no/such/folder does not exist: create it first"},
		"a path that's longer": {"unix:/tmp/" + strings.Repeat("x", 200), "the path has 205 bytes, which is more than the system allows"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Listen(c.bind)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "cannot listen on "+c.bind+": ")
			var typed *ListenError
			require.ErrorAs(t, err, &typed)
			assert.Equal(t, c.bind, typed.Bind)
		})
	}
}

func TestListenSaysThatAnAddressIsInUse(t *testing.T) {
	taken := mustListen(t, "127.0.0.1:0").Addr().String()
	_, err := Listen(taken)
	assert.EqualError(t, err, "cannot listen on "+taken+": the address is in use by another process: stop that one, or choose another port")
	assert.ErrorIs(t, err, syscall.EADDRINUSE)
}

func TestListenExplainsAMissingPermission(t *testing.T) {
	denied := os.NewSyscallError("bind", syscall.EACCES)
	assert.ErrorContains(t, explainTCP("127.0.0.1:80", denied),
		"no permission for port 80: ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; choose a higher one")
	assert.ErrorContains(t, explainUnix("unix:/run/x", "/run/x", denied), "no permission to create a socket in /run")
}

func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ps") // t.TempDir is too long for a socket on some systems
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// leaveStale makes the socket of a server that died.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	require.FileExists(t, path)
}

func TestAUnixSocketIsRemovedOnClose(t *testing.T) {
	path := socketPath(t)
	l := mustListen(t, "unix:"+path)
	require.FileExists(t, path)
	require.NoError(t, l.Close())
	assert.NoFileExists(t, path)
	assert.NoError(t, l.Close(), "a second Close does nothing")
}

func TestAStaleUnixSocketIsReplaced(t *testing.T) {
	path := socketPath(t)
	leaveStale(t, path)
	mustListen(t, "unix:"+path)
	c, err := net.Dial("unix", path)
	require.NoError(t, err)
	c.Close()
}

func TestALiveUnixSocketIsLeftAlone(t *testing.T) {
	path := socketPath(t)
	mustListen(t, "unix:"+path)
	_, err := Listen("unix:" + path)
	assert.ErrorContains(t, err, "another server is listening on that socket: stop it or choose another path")
	assert.ErrorIs(t, err, syscall.EADDRINUSE)
	c, err := net.Dial("unix", path)
	require.NoError(t, err, "the other server still has it")
	c.Close()
}

func TestAFileThatIsNoSocketIsNotReplaced(t *testing.T) {
	path := socketPath(t)
	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
	_, err := Listen("unix:" + path)
	assert.ErrorContains(t, err, "the path exists and is not a socket: remove it or choose another path")
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(got))
}

func TestClosingDoesNotRemoveTheSocketOfASuccessor(t *testing.T) {
	path := socketPath(t)
	first := mustListen(t, "unix:"+path)
	require.NoError(t, os.Remove(path))
	mustListen(t, "unix:"+path)
	require.NoError(t, first.Close())
	assert.FileExists(t, path)
}
