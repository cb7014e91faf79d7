package e2e_test

import (
	"io"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type counter struct {
	Opened, Closed, Finalized int
	SameThread                bool `json:"same_thread"`
}

// waitForClosed returns the counters once every response opened under name has been closed.
func waitForClosed(t *testing.T, c *client, name string) (got counter) {
	t.Helper()
	require.Eventually(t, func() bool {
		got = getJSON[map[string]counter](t, c, "/counters")[name]
		return got.Opened > 0 && got.Closed >= got.Opened
	}, patience, 5*time.Millisecond, "%s is not closed", name)
	return got
}

func TestCloseIsCalledExactlyOnce(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.lifecycle:app")
	c := s.client(t)
	for _, name := range []string{
		"whole", "empty", "no_content", "not_started", "raises_first", "raises_midway", "exits_midway",
		"wrong_type", "too_long", "too_short", "failing_close", "generator", "file",
	} {
		t.Run(name, func(t *testing.T) {
			s.rawGet(t, "/"+name)
			s.raw(t, head("HEAD", "/"+name, "Connection: close"))
			got := waitForClosed(t, c, name)
			assert.Equal(t, 2, got.Opened)
			assert.Equal(t, 2, got.Closed)
			assert.True(t, got.SameThread, "view, iteration and close() belong on one thread")
		})
	}
	t.Run("a close() that raises is logged and spoils nothing", func(t *testing.T) {
		a, err := parsed(t, s.rawGet(t, "/failing_close"), "GET")
		require.NoError(t, err)
		assert.Equal(t, "0123", a.Body)
		s.stderr.waitForText(t, "RuntimeError: close() failed")
	})
}

func TestCloseIsCalledWhenTheClientGoesAway(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.lifecycle:app", "--threads", "4")
	c := s.client(t)
	for path, name := range map[string]string{
		"/endless": "endless", "/generator?endless=1": "generator", "/file?size=100000000": "file",
	} {
		t.Run(name, func(t *testing.T) {
			const times = 6 // more than there are threads: none may be lost
			for range times {
				conn := s.dial(t)
				_, err := io.WriteString(conn, head("GET", path))
				require.NoError(t, err)
				_, err = io.ReadFull(conn, make([]byte, 10_000))
				require.NoError(t, err)
				require.NoError(t, conn.Close())
			}
			got := waitForClosed(t, c, name)
			assert.Equal(t, times, got.Closed)
			assert.True(t, got.SameThread)
			if name == "generator" {
				assert.Equal(t, times, got.Finalized)
			}
		})
	}
}

func TestWsgiErrorsGoesIntoTheLogLineByLine(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.logging_app:app")
	c := s.client(t)
	for path, lines := range map[string][]string{
		"/write":            {"written in two parts", "first of two", "second of two", "printed to it"},
		"/unicode":          {"grüße ☃"},
		"/without_newline":  {"no newline at the end"},
		"/by_logging":       {"logged WARNING by the logging module"},
		"/from_thread":      {"from another thread"},
		"/standard_streams": {"printed to stderr"},
	} {
		t.Run(path, func(t *testing.T) {
			require.Equal(t, "ok\n", c.get(t, path).Body)
			for _, line := range lines {
				s.stderr.waitFor(t, regexp.MustCompile(`(?m)^.*`+regexp.QuoteMeta(line)))
			}
		})
	}
	t.Run("print goes to standard output at once", func(t *testing.T) {
		c.get(t, "/standard_streams")
		s.stdout.waitForText(t, "printed to stdout")
	})
	t.Run("an earlier request's stream goes on working", func(t *testing.T) {
		require.Equal(t, 200, c.get(t, "/keep").Status)
		require.Equal(t, "ok\n", c.get(t, "/use_kept").Body)
		s.stderr.waitForText(t, "after its request's end")
	})
	t.Run("bytes are refused", func(t *testing.T) {
		assert.Equal(t, "TypeError\n", c.get(t, "/refuse_bytes").Body)
	})
}
