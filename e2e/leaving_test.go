package e2e_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A leave is a way in which a process comes to leave.
type leave int

const (
	byStop        leave = iota // the server is told to stop
	withoutMaster              // likewise, without workers
	byReload                   // the worker is replaced
)

// leaving runs a test for a server that leaves. The time-out leaves it two seconds for what is to be unwound, on a slow machine.
func leaving(t *testing.T, how leave, test func(t *testing.T, s *service, leave func()), flags ...string) {
	t.Helper()
	flags = append(flags, "--graceful-timeout", "10s")
	if how == withoutMaster {
		flags = append(flags, "--workers", "0")
	}
	s := launchService(t, need(t, "PYSERVE_BIN"), "apps.leaving:app", flags...)
	s.waitUntilReady(t)
	if how == byReload {
		old := s.status(t).pids()
		test(t, s, func() { s.reload(t) })
		waitUntilGone(t, old...)
		return
	}
	test(t, s, func() { s.signal(t, syscall.SIGTERM) })
	assert.Equal(t, 0, s.exitCode(t))
}

func TestWhatRunsAtTheEndOfTheGracefulTimeOutIsUnwound(t *testing.T) {
	t.Parallel()
	for view, want := range map[string]struct {
		how                   leave
		noted, answer, logged string
	}{
		"pauses":   {byStop, "ServerShutdown\nfinally\n", "first", "target=\"/pauses?"},
		"floods":   {byReload, "GeneratorExit\nfinally\n", "TTP/1.1 200 OK", "the connections that are left are closed"},
		"computes": {withoutMaster, "ServerShutdown\nfinally\n", "503 Service Unavailable", "target=\"/computes?"},
	} {
		t.Run(view, func(t *testing.T) {
			t.Parallel()
			leaving(t, want.how, func(t *testing.T, s *service, leave func()) {
				file := filepath.Join(t.TempDir(), "noted")
				conn := s.dial(t)
				_, err := io.WriteString(conn, head("GET", "/"+view+"?file="+file))
				require.NoError(t, err)
				if view == "computes" {
					waitUntilBusy(t, s)
				} else {
					_, err = io.ReadFull(conn, make([]byte, 1))
					require.NoError(t, err)
				}
				leave()
				s.stderr.waitForText(t, want.logged)
				assert.Contains(t, readToEnd(t, conn), want.answer)
				require.Eventually(t, func() bool { return readFile(file) == want.noted }, patience, 10*time.Millisecond, "the application is not unwound")
			}, "--response-buffer", "1M")
		})
	}
}

// waitUntilBusy waits until the server has taken in all that was sent: it answers another connection afterwards.
func waitUntilBusy(t *testing.T, s *service) {
	t.Helper()
	require.Equal(t, 200, s.client(t).get(t, "/hello", "Connection", "close").Status)
}

func readFile(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(content)
}

func TestARequestThatWaitsForAThreadAtTheEndOfTheGracefulTimeOutIsRefused(t *testing.T) {
	t.Parallel()
	leaving(t, byStop, func(t *testing.T, s *service, leave func()) {
		file := filepath.Join(t.TempDir(), "noted")
		running, waiting, incomplete := s.dial(t), s.dial(t), s.dial(t)
		_, err := io.WriteString(running, head("GET", "/pauses?file="+file))
		require.NoError(t, err)
		_, err = io.ReadFull(running, make([]byte, 1))
		require.NoError(t, err)
		expectContinue(t, waiting)
		_, err = io.WriteString(incomplete, head("POST", "/hello", "Content-Length: 10")+"01234")
		require.NoError(t, err)
		leave()
		assert.Contains(t, readToEnd(t, waiting), " 503 ")
		if engine := os.Getenv("PYSERVE_ENGINE"); engine != "nethttp" { // which cannot end the reading of content but with the connection
			assert.Contains(t, readToEnd(t, incomplete), " 503 ")
		}
	}, "--threads", "1")
}

// expectContinue sends a request on conn and returns when the server has certainly read its head: it has asked for the content.
func expectContinue(t *testing.T, conn io.ReadWriter) {
	t.Helper()
	_, err := io.WriteString(conn, head("POST", "/hello", "Content-Length: 1", "Expect: 100-continue"))
	require.NoError(t, err)
	want := "HTTP/1.1 100 Continue\r\n\r\n"
	got := make([]byte, len(want))
	_, err = io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
	_, err = io.WriteString(conn, "x")
	require.NoError(t, err)
}

func TestAnIdleConnectionKeepsNoWorkerForTheWholeGracefulTimeOut(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.workers:app", "--graceful-timeout", "8s")
	old := s.status(t).pids()
	idle, used := s.keep(t), s.keep(t)
	require.Equal(t, old[0], idle.pid(t))
	require.Equal(t, old[0], used.pid(t))
	s.reload(t)
	require.Equal(t, old[0], used.pid(t), "one more request is answered")
	assert.Empty(t, readToEnd(t, used), "then it is closed")
	assert.Empty(t, readToEnd(t, idle), "after some time without a request this one, too")
	waitUntilGone(t, old...)
	assert.NotContains(t, s.stderr.String(), "graceful time-out", "nobody has waited for it")
}

func TestATimedOutAnswerBreaksOffAtOnceThoughItsThreadIsStuck(t *testing.T) {
	t.Parallel()
	for _, proto := range []string{"HTTP/1.1", "HTTP/1.0"} {
		t.Run(proto, func(t *testing.T) {
			t.Parallel()
			s := start(t, "apps.leaving:app", "--timeout", "1s")
			fifo := filepath.Join(t.TempDir(), "fifo")
			require.NoError(t, syscall.Mkfifo(fifo, 0o600))
			conn := s.dial(t)
			_, err := io.WriteString(conn, "GET /begins?fifo="+fifo+" "+proto+"\r\nHost: a\r\n\r\n")
			require.NoError(t, err)
			content, err := io.ReadAll(conn)
			assert.Contains(t, string(content), "first")
			assert.False(t, strings.HasSuffix(string(content), "0\r\n\r\n"), "it looks complete")
			if proto == "HTTP/1.0" {
				assert.ErrorIs(t, err, syscall.ECONNRESET, "an end would look like the end of the content")
			}
			reached(t, fifo)() // the thread was in C all the time
		})
	}
}
