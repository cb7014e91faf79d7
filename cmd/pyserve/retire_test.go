package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve"
)

func TestAWorkerIsReplacedAfterAnInterruptOnceItHasServedForSomeTime(t *testing.T) {
	for name, c := range map[string]struct{ start, served, after time.Duration }{
		"at first not sooner than after half a minute": {time.Second, 10 * time.Second, 20 * time.Second},
		"then at once": {time.Second, time.Hour, 0},
		"one that starts slowly: after ten times that time": {time.Minute, time.Minute, 9 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var o pyserve.Options
				var retired []time.Duration
				var interrupted time.Time
				begun := retireInterrupted(time.Now(), &o, func(string) { retired = append(retired, time.Since(interrupted)) })
				time.Sleep(c.start)
				begun()
				time.Sleep(c.served)
				interrupted = time.Now()
				for range 100 {
					go o.Interrupted()
					time.Sleep(time.Second)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				assert.Equal(t, []time.Duration{c.after}, retired)
			})
		})
	}
}
