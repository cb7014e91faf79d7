package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHealthIsAnsweredWhileAllThreadsAreBusy(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "access.log")
	s := startService(t, "apps.counted:app", "--health-path", "/healthz", "--threads", "2", "--access-log", log)
	for range 2 {
		begin(t, s, head("GET", "/sleeps"))
	}
	s.waitForStatus(t, "both threads are busy", func(now status) bool { return now.Total.Counters["threads_busy"] == 2 })
	c := s.client(t)
	res := c.get(t, "/healthz?probe=1")
	assert.Equal(t, 200, res.Status)
	assert.Equal(t, "ok\n", res.Body)
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	assert.Contains(t, s.raw(t, head("POST", "/healthz", "Content-Length: 2")+"ab"), " 405 ")
	require.Eventually(t, func() bool {
		lines, err := os.ReadFile(log)
		return err == nil && strings.Count(string(lines), "/healthz") == 2
	}, patience, 10*time.Millisecond, "the access log has both")
}
