package e2e_test

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAWorkerThatSpeaksOutOfPlaceIsReplacedAndNothingElseHappens(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.hostile:app", "--workers", "2")
	master := s.status(t).PID
	for _, message := range []string{"ready", "change everything", "drain", "s1", "", "\x1b[31m\n2026-01-01T00:00:00.000Z INFO  forged"} {
		if message == "" {
			continue // the end of a conversation, which a worker may have
		}
		before := s.status(t).pids()
		s.rawGet(t, "/speak?message="+url.QueryEscape(message))
		s.waitForStatus(t, "one of the workers is replaced", func(now status) bool {
			return now.Serving == 2 && len(now.Workers) == 2 && now.Generation == 1 && len(both(before, now.pids())) == 1
		})
	}
	assert.Equal(t, master, s.status(t).PID)
	assert.Contains(t, s.stderr.String(), "a worker has sent a message that is out of place")
	assert.NotContains(t, s.stderr.String(), "\n2026-01-01T00:00:00.000Z INFO  forged")
}

func both(a, b []int) (common []int) {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				common = append(common, x)
			}
		}
	}
	return common
}

func TestAFloodOfMessagesHoldsUpTheFloodOnly(t *testing.T) {
	t.Parallel()
	s := startService(t, "apps.hostile:app", "--workers", "2", "--graceful-timeout", "1")
	go s.rawGet(t, "/speak?times=1000000&message=stuck+and+stuck")
	for range 20 {
		assert.NotEmpty(t, s.status(t).Workers)
	}
	assert.NotZero(t, ask[int](t, s, "/pid"))
	s.stop(t)
}

func TestAZygoteThatSpeaksOutOfPlaceIsReplacedAndNothingElseHappens(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"ready again": "r", "failed": "f\x00\x00", "a worker that nobody wants": "s" + itoa(os.Getpid()), "everybody": "s-1", "process 1": "s1", "the end of a stranger": "x1 0",
		"no fork": "e", "nonsense": "?", "nothing, as at the end": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "message")
			s := startService(t, `apps.hostile:waiting("`+file+`")`, "--preload")
			master := s.status(t).PID
			require.NoError(t, os.WriteFile(file+".new", []byte(message), 0o600))
			require.NoError(t, os.Rename(file+".new", file))
			if message != "" {
				s.stderr.waitForText(t, "it has sent a message that is out of place")
			}
			s.stderr.waitForText(t, "it is made again")
			require.NoError(t, os.Remove(file))
			s.waitForStatus(t, "a new zygote has made the workers", func(now status) bool {
				return now.State == "ready" && now.Generation > 1 && now.Serving == 1 && len(now.Workers) == 1
			})
			assert.Equal(t, master, s.status(t).PID)
			assert.NotZero(t, ask[int](t, s, "/pid"))
		})
	}
}

func TestAnImportThatSpeaksForTheZygoteFailsTheStart(t *testing.T) {
	t.Parallel()
	for _, message := range []string{"s1", "s-1", "x2 0", "q"} {
		s := launch(t, `apps.hostile:speaking("`+message+`")`, "--preload")
		assert.Equal(t, 1, s.exitCode(t))
		assert.Contains(t, s.stderr.String(), "it has sent a message that is out of place")
		assert.NotContains(t, s.stderr.String(), "goroutine")
	}
}
