package e2e_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAReaderOfTheLogsThatLeavesTakesNobodyWithIt(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--preload"}, {"--engine", "nethttp"}, {"--threads", "1"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			t.Parallel()
			s := startService(t, "apps.prints:app", append(flags, "--access-log", "-")...)
			pids := s.status(t).pids()
			answers := func() {
				t.Helper()
				for range 20 {
					assert.Equal(t, "ok", s.client(t).get(t, "/", "Connection", "close").Body)
				}
			}
			answers()
			s.stdout.leave()
			answers()
			s.stderr.waitForText(t, "nobody reads the standard output any more")
			s.stderr.leave()
			answers()
			assert.Equal(t, pids, s.status(t).pids(), "the same workers")
			s.signal(t, syscall.SIGHUP) // those that come now print at their import
			s.waitForReplaced(t, pids...)
			answers()
			s.stop(t)
			assert.NoFileExists(t, s.pidFile)
		})
	}
}

func TestOneProcessOutlivesTheReadersOfItsLogs(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.prints:app", "--workers", "0", "--access-log", "-")
	s.stdout.leave()
	s.stderr.leave()
	for range 20 {
		require.Equal(t, "ok", s.client(t).get(t, "/").Body)
	}
	s.stop(t)
}

func TestCommandsOutliveTheReadersOfTheirOutput(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"--version"}, {"check", "apps.prints:app"}, {"status", "--pid-file", "/nonexistent"}} {
		s := launch(t, args[len(args)-1], args[:len(args)-1]...)
		s.stdout.leave()
		s.stderr.leave()
		assert.GreaterOrEqual(t, s.exitCode(t), 0, "no signal has ended %v", args)
	}
}
