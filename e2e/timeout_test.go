package e2e_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARequestThatDoesNotMoveIsEndedAndItsStackLogged(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"with a worker":   {"--timeout", "300ms"},
		"without workers": {"--timeout", "300ms", "--workers", "0"},
		"preloaded":       {"--timeout", "300ms", "--preload"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "apps.stuck:app", flags...)
			c := s.client(t)
			a := c.get(t, "/loop")
			assert.Equal(t, 504, a.Status)
			assert.Equal(t, "Gateway Timeout\n", a.Body)
			s.stderr.waitFor(t, regexp.MustCompile(`a request ran into the time-out.*target=/loop(.*\n)+?.*in loop_for_ever`))
			require.Eventually(t, func() bool { return s.client(t).get(t, "/caught").Body == "RequestTimeout" },
				patience, 10*time.Millisecond, "no exception is raised, or it is an Exception that the application catches")
			assert.Equal(t, 200, s.client(t).get(t, "/").Status, "the server goes on")
			assert.NotContains(t, s.stderr.String(), "Traceback", "the time-out is no failure of the application's")
		})
	}
}

func TestAStreamThatMovesOutlivesTheTimeOut(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.stuck:app", "--timeout", "500ms")
	a := s.client(t).get(t, "/stream")
	assert.Equal(t, 200, a.Status)
	assert.Len(t, a.Body, 12)
	assert.NotContains(t, s.stderr.String(), "time-out")
}

func TestAThreadStuckInCHasItsWorkerReplaced(t *testing.T) {
	t.Parallel()
	for path, reason := range map[string]string{"/stuck": "stuck in C", "/gil": "the GIL could not be had"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := start(t, "apps.stuck:app", "--timeout", "300ms", "--graceful-timeout", "300ms")
			first := s.client(t).get(t, "/pid").Body
			require.Equal(t, 504, s.client(t).get(t, path).Status)
			s.stderr.waitFor(t, regexp.MustCompile(reason))
			s.stderr.waitFor(t, regexp.MustCompile(`worker (left|died)`))
			assert.NotEqual(t, first, s.client(t).get(t, "/pid").Body)
		})
	}
}
