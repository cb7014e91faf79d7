package e2e_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience is how long anything may take before it counts as hanging. It is no measurement: a machine
// under load must not fail a test.
const patience = 60 * time.Second

// server is a running pyserve, or one that has ended.
type server struct {
	// URL has no slash at its end. It is empty for a unix socket.
	URL string
	// network and addr are what to dial.
	network, addr  string
	stdout, stderr *output
	cmd            *exec.Cmd
	ended          chan struct{}
}

var readyLine = regexp.MustCompile(`(?m)^pyserve: ready on (http://[^\s,]+|unix:[^\s,]+)`)

// start runs pyserve with the flags given before the application, on a port the kernel chooses unless the
// flags have a --bind, and waits until it is ready. When the test ends the server is stopped, which must succeed.
func start(t *testing.T, app string, flags ...string) *server {
	t.Helper()
	s := launch(t, app, flags...)
	s.waitUntilReady(t)
	return s
}

// waitUntilReady waits for a launched server, and has it stopped when the test ends.
func (s *server) waitUntilReady(t *testing.T) {
	t.Helper()
	found := s.stderr.waitFor(t, readyLine)
	s.network, s.addr = "tcp", strings.TrimPrefix(found[1], "http://")
	if path, ok := strings.CutPrefix(found[1], "unix:"); ok {
		s.network, s.addr = "unix", path
	} else {
		s.URL = found[1]
	}
	t.Cleanup(func() {
		if s.running() {
			s.stop(t)
		}
	})
}

// isScript reports whether the program is the console script of an installed wheel.
func isScript(t *testing.T) bool {
	t.Helper()
	program, err := os.Open(need(t, "PYSERVE_BIN"))
	require.NoError(t, err)
	defer program.Close()
	start := make([]byte, 2)
	_, err = io.ReadFull(program, start)
	require.NoError(t, err)
	return string(start) == "#!"
}

// launch is start for a server that need not become ready.
func launch(t *testing.T, app string, flags ...string) *server {
	t.Helper()
	return launchProgram(t, need(t, "PYSERVE_BIN"), nil, app, flags...)
}

// launchProgram is launch for another copy of the program, and with more in its environment.
func launchProgram(t *testing.T, program string, env []string, app string, flags ...string) *server {
	t.Helper()
	return runServer(t, command(t, program, env, app, flags...))
}

// command is what launchProgram runs.
func command(t *testing.T, program string, env []string, app string, flags ...string) *exec.Cmd {
	t.Helper()
	venv := need(t, "PYSERVE_VENV")
	args := append([]string{"--venv", venv, "--chdir", testdata(t)}, flags...)
	if !strings.Contains(strings.Join(flags, " "), "--bind") {
		args = append(args, "--bind", "127.0.0.1:0")
	}
	cmd := exec.Command(program, append(args, app)...)
	cmd.Env = append(environment(), env...)
	return cmd
}

// runServer starts cmd, by default in a session of its own: the terminal of whoever runs the tests has no part in them.
// What cmd has as Stdout or Stderr already stays so, and is closed here.
func runServer(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{cmd: cmd, ended: make(chan struct{})}
	if s.cmd.SysProcAttr == nil {
		s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}

	// Pipes of our own: with those of os/exec, Wait would also wait for whatever the application started.
	var stdout, stderr *os.File
	s.stdout, stdout = newOutput(t)
	s.stderr, stderr = newOutput(t)
	for stream, to := range map[*io.Writer]*os.File{&s.cmd.Stdout: stdout, &s.cmd.Stderr: stderr} {
		defer to.Close()
		if theirs, set := (*stream).(*os.File); set {
			defer theirs.Close()
		} else {
			*stream = to
		}
	}
	require.NoError(t, s.cmd.Start())
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() { s.cleanUp(t) })
	return s
}

func (s *server) cleanUp(t *testing.T) {
	// Groups, as what the application has started may outlive a server that had to be killed.
	if s.running() {
		for _, pid := range childrenOf(t, s.cmd.Process.Pid) { // workers have groups of their own
			_ = syscall.Kill(pid, syscall.SIGKILL)
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	}
	if s.running() || t.Failed() {
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.ended
	}
	if t.Failed() {
		t.Logf("%s\nended with: %v\nstdout:\n%s\nstderr:\n%s", s.cmd, s.cmd.ProcessState, s.stdout, s.stderr)
	}
}

func (s *server) running() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// stop ends the server by SIGTERM, which must succeed.
func (s *server) stop(t *testing.T) {
	t.Helper()
	s.signal(t, syscall.SIGTERM)
	assert.Equal(t, 0, s.exitCode(t), "SIGTERM must end pyserve with exit status 0")
}

func (s *server) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(sig))
}

// exitCode waits for the end of the server and of its output. It is -1 if a signal ended it.
func (s *server) exitCode(t *testing.T) int {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		require.FailNow(t, "pyserve does not end")
	}
	for _, o := range []*output{s.stdout, s.stderr} {
		select {
		case <-o.closed:
		case <-time.After(5 * time.Second): // a process the application started may hold it open
		}
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *server) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout(s.network, s.addr, patience)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// waitUntilRefused returns once the server no longer listens: from then on it is stopping.
func (s *server) waitUntilRefused(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := net.Dial(s.network, s.addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, patience, time.Millisecond, "pyserve still accepts connections")
}

// need returns the absolute path in the environment variable name. Without it the test fails, as it would test nothing; with
// -short it is skipped.
func need(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		if testing.Short() {
			t.Skipf("%s is not set", name)
		}
		t.Fatalf("%s is not set: run the end-to-end tests with `make test`, or skip them with -short", name)
	}
	path, err := filepath.Abs(value)
	require.NoError(t, err)
	return path
}

func testdata(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../testdata")
	require.NoError(t, err)
	return path
}

// environment is ours without what would configure pyserve, Python or Django from outside.
func environment() []string {
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case name == "PYSERVE_ENGINE": // chosen for the whole run
			kept = append(kept, entry)
		case strings.HasPrefix(name, "PYSERVE_"), strings.HasPrefix(name, "DJANGO"),
			strings.HasPrefix(name, "PYTHON") && name != "PYTHONMALLOC",
			name == "VIRTUAL_ENV", name == "PORT", name == "WEB_CONCURRENCY":
		default:
			kept = append(kept, entry)
		}
	}
	return append(kept, "PYTHONDONTWRITEBYTECODE=1")
}

// output keeps the last bytes that a process wrote to a pipe.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at each write
	closed  chan struct{}
	reader  *os.File
}

// outputLimit bounds what is kept of one stream, in bytes.
const outputLimit = 1 << 20

func newOutput(t *testing.T) (*output, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	o := &output{changed: make(chan struct{}), closed: make(chan struct{}), reader: r}
	go func() {
		defer close(o.closed)
		defer r.Close()
		_, _ = r.WriteTo(o)
	}()
	return o, w
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if over := o.text.Len() + len(p) - outputLimit; over > 0 {
		o.text.Next(over)
	}
	o.text.Write(p)
	close(o.changed)
	o.changed = make(chan struct{})
	return len(p), nil
}

// leave makes whoever writes to the pipe write where nobody reads.
func (o *output) leave() {
	o.reader.Close()
	<-o.closed
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// waitFor returns the first match of pattern and its groups, waiting for it to be written.
func (o *output) waitFor(t *testing.T, pattern *regexp.Regexp) []string {
	t.Helper()
	deadline := time.After(patience)
	for {
		o.mu.Lock()
		found, changed := pattern.FindStringSubmatch(o.text.String()), o.changed
		o.mu.Unlock()
		if found != nil {
			return found
		}
		select {
		case <-changed:
		case <-o.closed:
			// The last write may have come between the look and the end.
			if found = pattern.FindStringSubmatch(o.String()); found != nil {
				return found
			}
			require.FailNow(t, "pyserve ended early", "without printing %s", pattern)
		case <-deadline:
			require.FailNow(t, "pyserve hangs", "without printing %s", pattern)
		}
	}
}

// waitForText is waitFor for a plain text.
func (o *output) waitForText(t *testing.T, text string) {
	t.Helper()
	o.waitFor(t, regexp.MustCompile(regexp.QuoteMeta(text)))
}
