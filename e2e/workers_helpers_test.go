package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A service is a pyserve with workers and a PID file. After an upgrade its processes are no longer the test's own
// children, except for the first.
type service struct {
	*server
	program string // to ask it with
	pidFile string
}

// status is what `pyserve status --json` prints, as far as the tests look at it.
type status struct {
	State                                            string
	PID, Generation, Newest, Failed, Wanted, Serving int
	Workers                                          []struct {
		PID, Generation, Restarts int
		State, Retiring           string
	}
	Replaced map[string]int
	Counts   []struct {
		Counters map[string]int
	}
	Total struct {
		Counters map[string]int
		Duration struct{ Count int }
	}
}

// startService starts a pyserve and waits until all its workers are ready.
func startService(t *testing.T, app string, flags ...string) *service {
	t.Helper()
	s := launchService(t, need(t, "PYSERVE_BIN"), app, flags...)
	s.waitUntilServing(t)
	return s
}

func launchService(t *testing.T, program, app string, flags ...string) *service {
	t.Helper()
	s := &service{program: need(t, "PYSERVE_BIN"), pidFile: filepath.Join(t.TempDir(), "pid")}
	t.Cleanup(func() { s.killAll(t) })
	s.server = launchProgram(t, program, nil, app, append([]string{"--pid-file", s.pidFile}, flags...)...)
	return s
}

// waitUntilServing waits until the server is ready and no worker is on its way in or out.
func (s *service) waitUntilServing(t *testing.T) status {
	t.Helper()
	if s.addr == "" {
		s.waitUntilReady(t)
	}
	return s.waitForStatus(t, "all workers are ready and no others there", func(now status) bool {
		return now.State == "ready" && now.Serving == now.Wanted && len(now.Workers) == now.Wanted
	})
}

// killAll leaves nothing behind of a server. One that was brought to an end must have left nothing itself.
func (s *service) killAll(t *testing.T) {
	if s.server == nil {
		return
	}
	if !t.Failed() {
		waitUntilGroupGone(t, s.cmd.Process.Pid)
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
}

// control runs a command such as `pyserve reload` for the server.
func (s *service) control(t *testing.T, command ...string) (code int, stdout, stderr string) {
	t.Helper()
	return control(t, append(command, "--pid-file", s.pidFile)...)
}

// control runs pyserve to its end.
func control(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	code, stdout, stderr, err := runProgram(need(t, "PYSERVE_BIN"), args...)
	require.NoError(t, err)
	return code, stdout, stderr
}

// runProgram may be called on any goroutine. An exit code is no error.
func runProgram(program string, args ...string) (code int, stdout, stderr string, err error) {
	cmd := exec.Command(program, args...)
	cmd.Env = environment()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err = cmd.Run(); errors.As(err, &exit) {
		err = nil
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String(), err
}

// reload reloads the server, which must succeed.
func (s *service) reload(t *testing.T) {
	t.Helper()
	code, stdout, stderr := s.control(t, "reload")
	require.Equal(t, 0, code, "%s%s", stdout, stderr)
}

func (s *service) status(t *testing.T) status {
	t.Helper()
	now, err := s.askStatus()
	require.NoError(t, err)
	return now
}

// askStatus is status for any goroutine.
func (s *service) askStatus() (now status, err error) {
	code, stdout, stderr, err := runProgram(s.program, "status", "--json", "--pid-file", s.pidFile)
	if err == nil && code != 0 {
		err = errors.New(stderr)
	}
	if err == nil {
		err = json.Unmarshal([]byte(stdout), &now)
	}
	return now, err
}

// waitForStatus returns the first status that is as wanted.
func (s *service) waitForStatus(t *testing.T, what string, wanted func(status) bool) (now status) {
	t.Helper()
	require.Eventually(t, func() bool {
		now = s.status(t)
		return wanted(now)
	}, patience, 10*time.Millisecond, "it never comes that %s", what)
	return now
}

// pids returns the workers' process ids.
func (s status) pids() (pids []int) {
	for _, w := range s.Workers {
		pids = append(pids, w.PID)
	}
	return pids
}

// waitForReplaced waits until the workers are others than the old ones, and all ready.
func (s *service) waitForReplaced(t *testing.T, old ...int) status {
	t.Helper()
	return s.waitForStatus(t, "all old workers are replaced", func(now status) bool {
		gone := !slices.ContainsFunc(now.pids(), func(pid int) bool { return slices.Contains(old, pid) })
		return gone && now.State == "ready" && now.Serving == now.Wanted
	})
}

// alive reports whether a process runs. One that nobody has reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, fields, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(fields, "Z") && !strings.HasPrefix(fields, "X")
}

// waitUntilGone waits for the end of processes.
func waitUntilGone(t *testing.T, pids ...int) {
	t.Helper()
	require.Eventually(t, func() bool { return !slices.ContainsFunc(pids, alive) },
		patience, 5*time.Millisecond, "some of the processes %v go on", pids)
}

// A project is a folder with a module that has an application of testdata/apps/workers.py, to be rewritten.
type project struct{ dir string }

func newProject(t *testing.T) project {
	t.Helper()
	p := project{t.TempDir()}
	p.write(t, "1")
	return p
}

// flags are those that make it the server's.
func (p project) flags(t *testing.T, more ...string) []string {
	return append([]string{"--chdir", p.dir, "--pythonpath", testdata(t)}, more...)
}

// projectApp names the application.
const projectApp = "project:app"

// write makes the module another version.
func (p project) write(t *testing.T, version string) {
	t.Helper()
	p.writeSource(t, "from apps.workers import make\n\napp = make("+strconv.Quote(version)+")\n")
}

func (p project) writeSource(t *testing.T, source string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "project.py"), []byte(source), 0o644))
}

func itoa(n int) string { return strconv.Itoa(n) }

// waitUntilGroupGone waits until no process of the group runs.
func waitUntilGroupGone(t *testing.T, group int) {
	t.Helper()
	assert.Eventually(t, func() bool { return len(groupOf(group)) == 0 },
		patience, 10*time.Millisecond, "processes of the server are left")
}

// groupOf returns the names of the running processes of a group.
func groupOf(group int) (names []string) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // ended
		}
		name, text, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(text); len(fields) > 2 && fields[2] == itoa(group) && fields[0] != "Z" {
			names = append(names, name)
		}
	}
	return names
}

// finish lets the request go on; its answer must be whole.
func (w *waiting) finish(t *testing.T) {
	t.Helper()
	w.release(t)
	assert.Equal(t, "waited for you\n", keptConn{w.conn}.read(t).Body)
}

// ask is getJSON on a connection of its own, as one that is kept keeps a worker that is to leave from doing so.
func ask[T any](t *testing.T, s *service, path string) T {
	t.Helper()
	return getJSON[T](t, s.client(t), path, "Connection", "close")
}

// A keptConn is a connection that is used more than once.
type keptConn struct{ net.Conn }

func (s *service) keep(t *testing.T) keptConn {
	t.Helper()
	return keptConn{s.dial(t)}
}

// pid returns which process answers on the connection.
func (c keptConn) pid(t *testing.T) (pid int) {
	t.Helper()
	a := c.get(t, "/pid")
	require.NoError(t, json.Unmarshal([]byte(a.Body), &pid), a.Body)
	return pid
}

func (c keptConn) get(t *testing.T, path string) answer {
	t.Helper()
	_, err := io.WriteString(c, head("GET", path))
	require.NoError(t, err)
	return c.read(t)
}

// read reads an answer, and nothing beyond it.
func (c keptConn) read(t *testing.T) answer {
	t.Helper()
	reader := bufio.NewReader(c)
	res, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Zero(t, reader.Buffered(), "bytes after the answer")
	return answer{res.StatusCode, res.Header, string(body)}
}

func killHard(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }

// processors returns how many this process may use.
func processors() int { return runtime.NumCPU() }
