//go:build linux

package systemd

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// An answer is what the test binary, started like a service, says of Listeners.
type answer struct {
	Listeners   []Listener
	Error       string
	NonBlocking []bool
	CloseOnExec []bool
	Open        int      // how many of the first passed descriptors are open after the call
	Left        []string // systemd's variables after the call
	Again       int      // what a second call finds
}

const serviceVariable = "PYSERVE_TEST_SERVICE"

func TestMain(m *testing.M) {
	if os.Getenv(serviceVariable) == "" {
		os.Exit(m.Run())
	}
	serve()
}

// serve is the service: it prints its answer. systemd knows the PID before the exec, the test does not.
func serve() {
	if os.Getenv("LISTEN_PID") == "self" {
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	}
	var a answer
	listeners, err := Listeners()
	if err != nil {
		a.Error = err.Error()
	}
	a.Listeners = listeners
	for _, l := range listeners {
		status, _ := unix.FcntlInt(uintptr(l.FD), unix.F_GETFL, 0)
		flags, _ := unix.FcntlInt(uintptr(l.FD), unix.F_GETFD, 0)
		a.NonBlocking = append(a.NonBlocking, status&unix.O_NONBLOCK != 0)
		a.CloseOnExec = append(a.CloseOnExec, flags&unix.FD_CLOEXEC != 0)
	}
	passed, _ := strconv.Atoi(os.Getenv(serviceVariable))
	for fd := range passed {
		if _, err := unix.FcntlInt(uintptr(firstFD+fd), unix.F_GETFD, 0); err == nil {
			a.Open++
		}
	}
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "LISTEN_") {
			a.Left = append(a.Left, entry)
		}
	}
	again, _ := Listeners()
	a.Again = len(again)
	_ = json.NewEncoder(os.Stdout).Encode(a)
}

// ask starts the service with descriptors from 3 on, and variables.
func ask(t *testing.T, files []*os.File, variables ...string) answer {
	t.Helper()
	service := exec.Command(os.Args[0])
	service.Env = append(ForWorker(os.Environ()), serviceVariable+"="+strconv.Itoa(max(1, len(files))))
	service.Env = append(service.Env, "GORACE=atexit_sleep_ms=0") // under the race detector an exit takes a second
	service.Env = append(service.Env, variables...)
	service.ExtraFiles = files
	var stderr bytes.Buffer
	service.Stderr = &stderr
	out, err := service.Output()
	require.NoError(t, err, stderr.String())
	var a answer
	require.NoError(t, json.Unmarshal(out, &a), string(out))
	return a
}

func fileOf(t *testing.T, conn any, err error) *os.File {
	t.Helper()
	require.NoError(t, err)
	file, err := conn.(interface{ File() (*os.File, error) }).File() // blocking, as systemd's are
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	t.Cleanup(func() { conn.(interface{ Close() error }).Close() })
	return file
}

func tcp(t *testing.T) (*os.File, string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	return fileOf(t, l, err), l.Addr().String()
}

func TestSocketsOfSystemdAreTakenOver(t *testing.T) {
	dir, err := os.MkdirTemp("", "ps")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	first, address := tcp(t)
	l, err := net.Listen("unix", path)
	second := fileOf(t, l, err)

	a := ask(t, []*os.File{first, second}, "LISTEN_PID=self", "LISTEN_FDS=2", "LISTEN_FDNAMES=http:admin", "LISTEN_PIDFDID=1")
	assert.Empty(t, a.Error)
	assert.Equal(t, []Listener{{3, "http", address}, {4, "admin", "unix:" + path}}, a.Listeners)
	assert.Equal(t, []bool{true, true}, a.NonBlocking)
	assert.Equal(t, []bool{true, true}, a.CloseOnExec)
	assert.Empty(t, a.Left, "no worker and no child may take them for its own")
	assert.Zero(t, a.Again)
}

func TestSocketsWithoutNamesAreUnknown(t *testing.T) {
	file, address := tcp(t)
	a := ask(t, []*os.File{file}, "LISTEN_PID=self", "LISTEN_FDS=1")
	assert.Equal(t, []Listener{{3, "unknown", address}}, a.Listeners)
}

func TestVariablesForNobodyAreNoSocketsAndAreRemoved(t *testing.T) {
	file, _ := tcp(t)
	for name, variables := range map[string][]string{
		"no variables":     nil,
		"another process":  {"LISTEN_PID=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=http"},
		"no process":       {"LISTEN_FDS=1"},
		"no number":        {"LISTEN_PID=self"},
		"none were passed": {"LISTEN_PID=self", "LISTEN_FDS=0", "LISTEN_FDNAMES="},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, answer{Open: 1}, ask(t, []*os.File{file}, variables...))
		})
	}
}

func TestWrongVariablesAreErrorsThatSayWhich(t *testing.T) {
	file, _ := tcp(t)
	for name, test := range map[string]struct {
		variables string
		want      string
	}{
		"a word":           {"LISTEN_PID=self LISTEN_FDS=two", "LISTEN_FDS=two is not a number of sockets"},
		"less than none":   {"LISTEN_PID=self LISTEN_FDS=-1", "LISTEN_FDS=-1 is not a number of sockets"},
		"absurdly many":    {"LISTEN_PID=self LISTEN_FDS=9999999999", "LISTEN_FDS=9999999999 is not a number of sockets"},
		"no process":       {"LISTEN_PID=me LISTEN_FDS=1", "LISTEN_PID=me is not a process id"},
		"names too few":    {"LISTEN_PID=self LISTEN_FDS=2 LISTEN_FDNAMES=a", "LISTEN_FDNAMES=a has 1 names for LISTEN_FDS=2 sockets"},
		"sockets too few":  {"LISTEN_PID=self LISTEN_FDS=999", `the socket "unknown" (descriptor 1001) passed by systemd is not open: LISTEN_FDS promises more sockets than there are`},
		"each is reported": {"LISTEN_PID=self LISTEN_FDS=999", "(descriptor 1000) passed by systemd is not open"},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, []*os.File{file}, strings.Fields(test.variables)...)
			assert.Contains(t, a.Error, test.want)
			assert.Empty(t, a.Listeners)
			assert.Empty(t, a.Left)
			assert.Equal(t, 1, a.Open, "nothing is closed")
		})
	}
}

func TestWhatIsNoListeningStreamSocketIsAnErrorThatSaysWhatToDo(t *testing.T) {
	good, _ := tcp(t)
	regular, err := os.Open(os.DevNull)
	require.NoError(t, err)
	t.Cleanup(func() { regular.Close() })
	datagram, err := net.ListenPacket("udp4", "127.0.0.1:0")
	udp := fileOf(t, datagram, err)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	connected := os.NewFile(uintptr(pair[0]), "connection")
	t.Cleanup(func() { connected.Close(); unix.Close(pair[1]) })

	for name, test := range map[string]struct {
		file *os.File
		want string
	}{
		"no socket":    {regular, "is not a socket: only ListenStream= can be served"},
		"a datagram":   {udp, "is not a stream socket: use ListenStream= instead of ListenDatagram="},
		"a connection": {connected, "does not listen, it is a connection: use Accept=no"},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, []*os.File{good, test.file}, "LISTEN_PID=self", "LISTEN_FDS=2", "LISTEN_FDNAMES=http:bad")
			assert.Equal(t, `the socket "bad" (descriptor 4) passed by systemd `+test.want, strings.TrimSuffix(a.Error, " or ListenSequentialPacket="))
			assert.Empty(t, a.Listeners)
			assert.Equal(t, 2, a.Open, "nothing is closed")
		})
	}
}
