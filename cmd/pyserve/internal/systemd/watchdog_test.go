//go:build unix

package systemd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheWatchdogIntervalIsForThisProcess(t *testing.T) {
	mine := strconv.Itoa(os.Getpid())
	for name, test := range map[string]struct {
		usec, pid string
		want      time.Duration
		fault     string
	}{
		"no watchdog":           {"", "", 0, ""},
		"for this process":      {"30000000", mine, 30 * time.Second, ""},
		"for whoever reads it":  {"500000", "", 500 * time.Millisecond, ""},
		"for another process":   {"30000000", "1", 0, ""},
		"a time that is none":   {"soon", mine, 0, "WATCHDOG_USEC"},
		"a time before now":     {"-1", mine, 0, "WATCHDOG_USEC"},
		"a process that's none": {"30000000", "me", 0, "WATCHDOG_PID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("WATCHDOG_USEC", test.usec)
			t.Setenv("WATCHDOG_PID", test.pid)
			got, err := WatchdogInterval()
			assert.Equal(t, test.want, got)
			if test.fault == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.fault)
			}
		})
	}
}

// A lockedBuffer may be read while a logger writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestKeepAlivePingsAtHalfTheIntervalWhileHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var log lockedBuffer
		var healthy, broken atomic.Bool
		var pings atomic.Int32
		healthy.Store(true)
		ping := func() error {
			pings.Add(1)
			if broken.Load() {
				return errors.New("no socket")
			}
			return nil
		}
		go keepAlive(ctx, 10*time.Second, healthy.Load, ping, slog.New(slog.NewTextHandler(&log, nil)))
		pass := func(d time.Duration) { time.Sleep(d); synctest.Wait() }

		synctest.Wait()
		assert.EqualValues(t, 1, pings.Load(), "at once")
		pass(5*time.Second - 1)
		assert.EqualValues(t, 1, pings.Load())
		pass(1)
		assert.EqualValues(t, 2, pings.Load(), "after half the interval")
		assert.Empty(t, log.String())

		healthy.Store(false)
		pass(time.Minute)
		assert.EqualValues(t, 2, pings.Load(), "not while it is not healthy")
		assert.Equal(t, 1, strings.Count(log.String(), "not healthy"), "said once")

		healthy.Store(true)
		pass(5 * time.Second)
		assert.EqualValues(t, 3, pings.Load())
		assert.Contains(t, log.String(), "signs of life again")

		broken.Store(true)
		pass(time.Minute)
		assert.Equal(t, 1, strings.Count(log.String(), "no socket"), "said once")

		pings.Store(0)
		cancel()
		pass(time.Minute)
		assert.Zero(t, pings.Load(), "not after the end")
	})
}

func TestKeepAliveReturnsWithoutAWatchdog(t *testing.T) {
	KeepAlive(t.Context(), 0, func() bool { panic("asked") }, nil)
}

func TestKeepAliveSpeaksToSystemd(t *testing.T) {
	next := notifySocketOf(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		KeepAlive(ctx, time.Hour, func() bool { return true }, slog.Default())
	}()
	assert.Equal(t, "WATCHDOG=1", next())
	cancel()
	<-done
}
