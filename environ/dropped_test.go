package environ

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logging returns a builder and the log it writes to.
func logging(t *testing.T, c Config) (*Builder, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	bd, err := NewBuilder(c)
	require.NoError(t, err)
	return bd, &log
}

func TestADroppedNameIsLoggedOnce(t *testing.T) {
	bd, log := logging(t, Config{})
	var b Block
	for range 3 {
		require.NoError(t, bd.Build(&b, get("/", "X_Own: secret", "x_own: secret", "Proxy: secret", "X-Fine: secret", "Transfer-Encoding: chunked")))
	}
	assert.Equal(t, 1, strings.Count(strings.ToLower(log.String()), "name=x_own"), log)
	assert.Equal(t, 1, strings.Count(log.String(), "name=Proxy"), log)
	assert.Equal(t, 2, strings.Count(log.String(), "\n"), log)
	assert.NotContains(t, log.String(), "secret")
}

func TestAllowLogsWhatItDropsAllTheSame(t *testing.T) {
	bd, log := logging(t, Config{HeaderMap: Allow})
	require.NoError(t, bd.Build(new(Block), get("/", "X_Own: a", "Content_Length: 5")))
	assert.Contains(t, log.String(), "name=Content_Length")
	assert.NotContains(t, log.String(), "X_Own")
}

func TestClientsCannotMakeTheLogGrowWithoutEnd(t *testing.T) {
	bd, log := logging(t, Config{})
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			var b Block
			for i := range 100 {
				assert.NoError(t, bd.Build(&b, get("/", fmt.Sprintf("X_%d: a", i+c), "X_"+strings.Repeat("l", 1000)+": a")))
			}
		})
	}
	clients.Wait()
	assert.Equal(t, maxDroppedNames+1, strings.Count(log.String(), "\n"))
	assert.Equal(t, 1, strings.Count(log.String(), "no more names are logged"))
	assert.NotContains(t, log.String(), strings.Repeat("l", maxDroppedNameLen), "long names are cut")
	assert.Len(t, bd.policy.dropped.seen, maxDroppedNames)
}
