package httpserver

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestAThrottledLineComesOnceASecondAndCountsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, nil))
		var th Throttle
		for range 5 {
			th.Log(log, "full")
		}
		assert.Equal(t, 1, strings.Count(out.String(), "\n"))
		time.Sleep(throttleInterval)
		th.Log(log, "full")
		assert.Equal(t, 2, strings.Count(out.String(), "\n"))
		assert.Contains(t, out.String(), "times=5")
	})
}

func TestWhoDebugsSeesEveryThrottledLine(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var th Throttle
	for range 5 {
		th.Info(log, "refused", "reason", "full")
	}
	assert.Equal(t, 5, strings.Count(out.String(), "msg=refused"))
	assert.Equal(t, 5, strings.Count(out.String(), "reason=full"))
	assert.Equal(t, 4, strings.Count(out.String(), "level=DEBUG"))
}
