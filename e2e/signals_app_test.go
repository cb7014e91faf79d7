package e2e_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const signalsApp = "apps.signals:app"

// signalsAnswer is what a view of testdata/apps/signals.py answers.
type signalsAnswer[T any] struct {
	Value  T
	Thread string
	Main   bool
	PID    int
}

// eachService runs test for workers that are started anew and forked, one or several threads, and both engines.
func eachService(t *testing.T, test func(t *testing.T, flags ...string)) {
	t.Helper()
	for name, flags := range map[string][]string{
		"several threads": nil, "one thread": {"--threads", "1"},
		"several threads, forked from a zygote": {"--preload"}, "one thread, forked from a zygote": {"--threads", "1", "--preload"},
		"several threads, net/http": {"--engine", "nethttp"}, "one thread, net/http": {"--engine", "nethttp", "--threads", "1"},
		"no master": {"--workers", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, flags...)
		})
	}
}

func TestHandlersOfTheApplicationRunWhileThereAreNoRequests(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, flags ...string) {
		s := start(t, signalsApp, flags...)
		s.stdout.waitForText(t, "tick 20") // set at import; no request was made
		c := s.client(t)
		getJSON[signalsAnswer[int]](t, c, "/start_child")
		s.stdout.waitForText(t, "child 1")
		assert.Zero(t, getJSON[signalsAnswer[int]](t, c, "/add_pending_call").Value)
		s.stdout.waitForText(t, "pending call on MainThread")
	})
}

func TestAnExceptionOfASignalHandlerIsLoggedAndEndsNothing(t *testing.T) {
	t.Parallel()
	s := start(t, signalsApp)
	c := s.client(t)
	for range 3 {
		before := getJSON[signalsAnswer[any]](t, c, "/raise_exit").PID
		s.stderr.waitForText(t, "SystemExit: by a signal handler")
		assert.Equal(t, before, getJSON[signalsAnswer[any]](t, c, "/raise_exit").PID)
	}
	assert.Contains(t, s.stderr.String(), "in leave\n", "the traceback")
}

func TestNoThreadForRequestsCanTakeSignals(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--preload"}, {"--engine", "nethttp"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			t.Parallel()
			s := start(t, signalsApp, append(flags, "--threads", "4")...)
			c := s.client(t)
			for path, want := range map[string]string{"/install": "ValueError", "/add_signal_handler": "RuntimeError"} {
				first := c.get(t, path)
				for _, a := range append(together(t, c, 8, path), first) {
					got := decode[signalsAnswer[string]](t, a)
					assert.Equal(t, want, got.Value)
					assert.Regexp(t, `^pyserve-[0-3]$`, got.Thread)
					assert.False(t, got.Main)
				}
			}
		})
	}
}

// signalsActions asks for the handlers of the server's signals.
func signalsActions(t *testing.T, c *client) map[string]string {
	t.Helper()
	return getJSON[signalsAnswer[map[string]string]](t, c, "/actions").Value
}

func TestTheServersSignalsStayItsOwnWhateverViewsDo(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, flags ...string) {
		s := start(t, signalsApp, flags...)
		c := s.client(t)
		want := signalsActions(t, c)
		for _, attack := range []string{"/swap", "/take", "/default", "/install", "/add_signal_handler"} {
			c.get(t, attack)
			require.Eventually(t, func() bool { return assert.ObjectsAreEqual(want, signalsActions(t, c)) },
				patience, 20*time.Millisecond, "nobody puts the handlers back after %s", attack)
		}
		w := startWaiting(t, s)
		s.signal(t, syscall.SIGTERM)
		s.waitUntilRefused(t)
		w.release(t)
		a, err := parsed(t, readToEnd(t, w.conn), "GET")
		require.NoError(t, err)
		assert.Equal(t, "waited for you\n", a.Body)
		assert.Equal(t, 0, s.exitCode(t))
		assert.NotContains(t, s.stderr.String(), "fatal error")
	})
}

func TestTheServerSaysWhichSignalAViewHasTaken(t *testing.T) {
	t.Parallel()
	s := start(t, signalsApp)
	s.client(t).get(t, "/take")
	for _, name := range []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT} {
		s.stderr.waitFor(t, regexp.MustCompile(`WARN .*it was put back signal=`+name.String()))
	}
}

func TestAServerDrainsThoughAViewHasJustTakenItsSignals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ attack, threads string }{
		"one thread":                     {"/take", "1"},
		"several threads":                {"/take", "4"},
		"one thread, by lost flags":      {"/swap", "1"},
		"several threads, by lost flags": {"/swap", "4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, signalsApp, "--threads", tt.threads)
			s.client(t).get(t, tt.attack) // nobody waits until the handlers are put back
			s.signal(t, syscall.SIGTERM)
			assert.Equal(t, 0, s.exitCode(t))
			assert.NotContains(t, s.stderr.String(), "fatal error")
			assert.NotContains(t, s.stderr.String(), "died")
		})
	}
}

func TestHandlersThatViewsInstallRunOnTheSignalStack(t *testing.T) {
	t.Parallel()
	s := start(t, signalsApp)
	c := s.client(t)
	c.get(t, "/child_watcher")
	require.Eventually(t, func() bool { return len(getJSON[signalsAnswer[[]int]](t, c, "/on_signal_stack").Value) == 0 },
		patience, 20*time.Millisecond)
}

func TestWritingWhereNobodyReadsIsAnExceptionAndNoMore(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, flags ...string) {
		s := start(t, signalsApp, flags...)
		c := s.client(t)
		got := getJSON[signalsAnswer[map[string]string]](t, c, "/broken")
		require.Len(t, got.Value, 6)
		for what, raised := range got.Value {
			assert.Contains(t, []string{"BrokenPipeError", "ConnectionResetError", "EPIPE"}, raised, what)
		}
		assert.Equal(t, "EFBIG", getJSON[signalsAnswer[string]](t, c, "/too_large").Value)
		assert.Equal(t, got.PID, getJSON[signalsAnswer[any]](t, c, "/actions").PID)
	})
}

func TestChildrenHaveTheSignalsOfThoseOfAPlainPython(t *testing.T) {
	t.Parallel()
	plain := exec.Command(filepath.Join(need(t, "PYSERVE_VENV"), "bin", "python"), "-m", "apps.signals")
	plain.Dir, plain.Env = testdata(t), environment()
	text, err := plain.Output()
	require.NoError(t, err)
	var want map[string]string
	require.NoError(t, json.Unmarshal(text[bytes.LastIndexByte(bytes.TrimSpace(text), '\n')+1:], &want))
	eachService(t, func(t *testing.T, flags ...string) {
		s := start(t, signalsApp, flags...)
		assert.Equal(t, want, getJSON[signalsAnswer[map[string]string]](t, s.client(t), "/dispositions").Value)
	})
}
