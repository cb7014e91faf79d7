package httpserver

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
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
		"nothing":               {"", "it is not an address: write HOST:PORT, :PORT, [IPv6]:PORT, unix:PATH or fd://N"},
		"a port alone":          {"8000", "it has no host: write :8000 for every address, or 127.0.0.1:8000 for this machine only"},
		"a host alone":          {"localhost", "it is not an address"},
		"an address alone":      {"127.0.0.1", "it has no port: write 127.0.0.1:8000"},
		"IPv6 without port":     {"::1", "it has no port: write [::1]:8000"},
		"a service":             {"localhost:http", `the port "http" is not a number from 0 to 65535`},
		"a port too high":       {"localhost:65536", `the port "65536" is not a number`},
		"a negative port":       {"localhost:-1", `the port "-1" is not a number`},
		"an empty port":         {"localhost:", `the port "" is not a number`},
		"somebody's address":    {"192.0.2.1:0", "this machine has no address 192.0.2.1"},
		"an empty unix path":    {"unix:", "it has no path: write unix:PATH"},
		"an empty name":         {"unix:@", "it has no path"},
		"a folder that is none": {"unix:/dev/null/socket", "/dev/null is not a folder"},
		"a mode":                {"unix:/tmp/s,mode=rw", "mode=rw is not an octal number such as 660"},
		"a mode too large":      {"unix:/tmp/s,mode=4755", "mode=4755 is not an octal number"},
		"an owner":              {"unix:/tmp/s,mode=660,owner=no-such-user", "owner=no-such-user: there is no such user"},
		"a group":               {"unix:/tmp/s,group=no-such-group,mode=660", "group=no-such-group: there is no such group"},
		"an option":             {"unix:/tmp/s,user=x", "user is not an option of a unix socket: there are mode=, owner= and group="},
		"an abstract mode":      {"unix:@s,mode=660", "an abstract socket has no mode, owner or group"},
		"no such folder":        {"unix:/no/such/folder/socket", "the folder /no/such/folder does not exist: create it first"},
		"a path that's longer":  {"unix:/tmp/" + strings.Repeat("x", 200), "the path has 205 bytes, which is more than the system allows"},
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

func TestACollisionNamesTheAddressThatMayHaveThePort(t *testing.T) {
	inUse := explainTCP("localhost:8000", syscall.EADDRINUSE)
	err := explainCollision("localhost:8000", []string{"unix:/run/x", "127.0.0.1:8000"}, inUse)
	assert.EqualError(t, err, "cannot listen on localhost:8000: the address is in use, by 127.0.0.1:8000 or by another process: leave one of the two out, or choose another port")
	assert.Equal(t, inUse, explainCollision("localhost:8000", []string{"unix:/run/x", "127.0.0.1:8001"}, inUse))
	other := explainTCP("localhost:8000", syscall.EACCES)
	assert.Equal(t, other, explainCollision("localhost:8000", []string{"127.0.0.1:8000"}, other))
}

func TestListenExplainsAMissingPermission(t *testing.T) {
	denied := os.NewSyscallError("bind", syscall.EACCES)
	assert.ErrorContains(t, explainTCP("127.0.0.1:80", denied),
		"no permission for port 80: ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; choose a higher one")
	assert.ErrorContains(t, explainUnix("/run/x", denied), "no permission to create a socket in /run")
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

func TestAUnixSocketHasTheModeThatIsAskedFor(t *testing.T) {
	for _, mode := range []string{"600", "660", "0666", "777"} {
		path := socketPath(t)
		l, err := Listen("unix:" + path + ",mode=" + mode)
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		want, err := strconv.ParseUint(mode, 8, 32)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(want), info.Mode().Perm())
		require.NoError(t, l.Close())
		assert.NoFileExists(t, path)
	}
	assert.FileExists(t, mustListen(t, "unix:"+socketPath(t)+",and=no,option,").Addr().String(), "this is all path")
}

func TestAUnixSocketIsGivenToOwnerAndGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	path := socketPath(t)
	mustListen(t, "unix:"+path+",owner=1234,group=4321")
	info, err := os.Stat(path)
	require.NoError(t, err)
	status := info.Sys().(*syscall.Stat_t)
	assert.Equal(t, []uint32{1234, 4321}, []uint32{status.Uid, status.Gid})
}

func TestAnAbstractSocketLeavesNoFile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has them")
	}
	name := fmt.Sprintf("@pyserve-test-%d", os.Getpid())
	l := mustListen(t, "unix:"+name)
	assert.NoFileExists(t, name)
	c, err := net.Dial("unix", name)
	require.NoError(t, err)
	c.Close()
	_, err = Listen("unix:" + name)
	assert.ErrorContains(t, err, "another server is listening on that socket")
	require.NoError(t, l.Close())
}

func TestEveryAddressOfBothKindsCanStandBesideIPv4(t *testing.T) {
	for _, binds := range [][]string{{"0.0.0.0:PORT", "[::]:PORT"}, {"[::]:PORT", "127.0.0.1:PORT"}, {":PORT", "0.0.0.0:PORT"}} {
		for _, l := range onFreePort(t, binds...) {
			assert.NoError(t, l.Close())
		}
	}
	alone := onFreePort(t, "[::]:PORT")[0]
	defer alone.Close()
	_, port, err := net.SplitHostPort(alone.Addr().String())
	require.NoError(t, err)
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	require.NoError(t, err, "alone it is of both kinds")
	c.Close()
	socket := socketPath(t)
	_, err = ListenAll([]string{"unix:" + socket, "unix:/no/such/folder/s"})
	require.Error(t, err)
	assert.NoFileExists(t, socket, "all or none")
}

// onFreePort listens on binds with a port for PORT that nobody has, which somebody may take in the last moment.
func onFreePort(t *testing.T, binds ...string) (listeners []net.Listener) {
	t.Helper()
	var err error
	for range 20 {
		var free net.Listener
		if free, err = net.Listen("tcp", "[::]:0"); err != nil {
			t.Skip("no IPv6 here")
		}
		_, port, _ := net.SplitHostPort(free.Addr().String())
		free.Close()
		here := slices.Clone(binds)
		for i := range here {
			here[i] = strings.Replace(here[i], "PORT", port, 1)
		}
		if listeners, err = ListenAll(here); err == nil {
			return listeners
		}
	}
	require.NoError(t, err, binds)
	return nil
}

func TestClosingDoesNotRemoveTheSocketOfASuccessor(t *testing.T) {
	path := socketPath(t)
	first := mustListen(t, "unix:"+path)
	require.NoError(t, os.Remove(path))
	mustListen(t, "unix:"+path)
	require.NoError(t, first.Close())
	assert.FileExists(t, path)
}
