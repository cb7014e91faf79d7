package e2e_test

import (
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// waiting is a request that is inside the application until release is called.
type waiting struct {
	conn   net.Conn
	target string
	fifo   *os.File
}

// startWaiting returns once the application has got the request: it then waits for a named pipe.
func startWaiting(t *testing.T, s *server) *waiting {
	t.Helper()
	return startWaitingOn(t, s.dial(t))
}

func startWaitingOn(t *testing.T, conn net.Conn) *waiting {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	w := &waiting{conn: conn, target: "/wait?fifo=" + url.QueryEscape(path)}
	_, err := io.WriteString(w.conn, head("GET", w.target))
	require.NoError(t, err)
	// Without a reader, opening for writing fails at once: the application is not there yet.
	require.Eventually(t, func() bool {
		w.fifo, err = os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return err == nil
	}, patience, time.Millisecond, "the request does not reach the application")
	t.Cleanup(func() { w.fifo.Close() })
	return w
}

func (w *waiting) release(t *testing.T) {
	t.Helper()
	_, err := w.fifo.WriteString("you\n")
	require.NoError(t, err)
	require.NoError(t, w.fifo.Close())
}

func TestTheFirstSignalLetsRunningRequestsFinish(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := start(t, "apps.lifecycle:app")
			idle := s.dial(t) // must not keep the server from ending
			w := startWaiting(t, s)
			s.signal(t, sig)
			s.waitUntilRefused(t)
			require.True(t, s.running(), "a request is still running")
			w.release(t)
			a, err := parsed(t, readToEnd(t, w.conn), "GET")
			require.NoError(t, err)
			assert.Equal(t, "waited for you\n", a.Body)
			assert.Equal(t, 0, s.exitCode(t))
			assert.Empty(t, readToEnd(t, idle))
		})
	}
}

func TestQuittingAtOnceCutsRunningRequests(t *testing.T) {
	t.Parallel()
	for name, quit := range map[string]func(t *testing.T, s *server){
		"by SIGQUIT": func(t *testing.T, s *server) {
			s.signal(t, syscall.SIGQUIT)
		},
		"by a second SIGINT": func(t *testing.T, s *server) {
			s.signal(t, syscall.SIGINT)
			s.waitUntilRefused(t)
			require.True(t, s.running(), "a request is still running")
			s.signal(t, syscall.SIGINT)
		},
		"by the end of the graceful timeout": func(t *testing.T, s *server) {
			s.signal(t, syscall.SIGTERM)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flags := []string{"--graceful-timeout", "1h"}
			if name == "by the end of the graceful timeout" {
				flags[1] = "100ms"
			}
			s := start(t, "apps.lifecycle:app", flags...)
			w := startWaiting(t, s)
			quit(t, s)
			s.exitCode(t) // fails when the server does not end though nobody releases the request
			assert.NotContains(t, readToEnd(t, w.conn), "waited for")
			assert.NotContains(t, s.stderr.String(), "goroutine ", "no Go stacks")
		})
	}
}

func TestAnIdleServerEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := start(t, "apps.demo", "--graceful-timeout", "1h")
			kept := s.client(t) // keeps its connection
			require.Equal(t, 200, kept.get(t, "/").Status)
			s.signal(t, sig)
			assert.Equal(t, 0, s.exitCode(t))
		})
	}
}

func TestAnAddressInUseIsAnErrorThatSaysSo(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.demo")
	other := launch(t, "apps.demo", "--bind", s.addr)
	assert.Equal(t, 1, other.exitCode(t))
	assert.Contains(t, other.stderr.String(), "in use")
	assert.Contains(t, other.stderr.String(), s.addr)
	assert.NotContains(t, other.stderr.String(), "Traceback")
	assert.Equal(t, 200, s.client(t).get(t, "/").Status, "the first one goes on serving")
}

func TestUnixSockets(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	first := start(t, "flaskapp:app", "--bind", "unix:"+path)
	require.Equal(t, "unix", first.network)
	a := first.client(t).get(t, "/urls", "Host", "example.com")
	assert.Contains(t, a.Body, `"http://example.com/hello"`)

	other := launch(t, "apps.demo", "--bind", "unix:"+path)
	assert.Equal(t, 1, other.exitCode(t), "the path belongs to a live server")
	assert.Contains(t, other.stderr.String(), path)
	assert.Equal(t, 200, first.client(t).get(t, "/hello").Status)

	// What a killed server leaves behind is replaced.
	first.signal(t, syscall.SIGKILL)
	first.exitCode(t)
	require.FileExists(t, path)
	next := start(t, "apps.demo", "--bind", "unix:"+path)
	assert.Equal(t, 200, next.client(t).get(t, "/").Status)
	next.stop(t)
	assert.NoFileExists(t, path, "a server that ends removes its socket")
}

func TestWithoutWorkersTheirSignalsDoNotEndTheServer(t *testing.T) {
	t.Parallel()
	s := start(t, "flaskapp:app", "--workers", "0")
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR2} {
		s.signal(t, sig)
		s.stderr.waitFor(t, regexp.MustCompile(regexp.QuoteMeta(sig.String())+" is ignored"))
	}
	assert.Equal(t, 200, s.client(t).get(t, "/hello").Status)
}

func TestASignalEndsAnImportThatHangs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "server.sock")
	s := launch(t, "apps.hangs_at_import:app", "--bind", "unix:"+path)
	s.stdout.waitFor(t, regexp.MustCompile("importing"))
	s.signal(t, syscall.SIGTERM)
	assert.Equal(t, 0, s.exitCode(t))
	assert.NoFileExists(t, path)
}
