package supervise_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

func TestAWorkerThatDiesIsReportedInOneRecordAndRestartedAtOnce(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		before := f.serving()
		before[0].exit(supervise.Exit{Signal: "SIGSEGV", Report: []slog.Attr{slog.String("request", "GET /crash")}})
		f.now()
		assert.Equal(t, 1, f.logged(`level=ERROR msg="worker died" worker=0 pid=1000 generation=1 signal=SIGSEGV`))
		assert.Equal(t, 1, f.logged("request=\"GET /crash\"\n"))
		assert.Len(t, f.living(), 2, "without time going by")
		assert.Contains(t, f.serving(), before[1], "the other one goes on")
		f.after(importTime)
		assert.Len(t, f.serving(), 2)
		status := f.supervisor.Status()
		assert.Equal(t, 0, status.Workers[0].Slot, "the slot is used again")
		assert.Equal(t, 1, status.Workers[0].Restarts)
		assert.Equal(t, 0, status.Workers[1].Restarts)
	})
}

func TestAWorkerThatKeepsDyingIsRestartedWithBackOff(t *testing.T) {
	story(t, supervise.Options{Workers: 1}, func(f *fakeSystem) {
		var starts []time.Time
		f.set(func() {
			f.onStart = func(p *fakeProcess) error {
				starts = append(starts, time.Now())
				time.AfterFunc(0, func() { p.exit(supervise.Exit{Code: 1}) })
				return nil
			}
		})
		died := time.Now()
		f.processes[0].exit(supervise.Exit{Code: 1})
		f.after(3 * time.Minute)
		f.set(func() { f.onStart = nil })
		var delays []time.Duration
		for _, start := range starts[:9] {
			delays = append(delays, start.Sub(died))
			died = start
		}
		second := time.Second
		assert.Equal(t, []time.Duration{0, second / 2, second, 2 * second, 4 * second, 8 * second, 16 * second, 30 * second, 30 * second}, delays)
	})
}

func TestAStartTheSystemRefusesIsTriedAgainWithBackOff(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		tries := 0
		f.set(func() {
			f.onStart = func(*fakeProcess) error {
				tries++
				return errNoProcess
			}
		})
		f.processes[0].exit(supervise.Exit{Code: 1})
		f.after(10 * time.Second)
		f.set(func() { f.onStart = nil })
		assert.Equal(t, 5, tries, "at 0, 0.5, 1.5, 3.5 and 7.5 seconds: the crash itself was the first failure")
		f.after(time.Minute)
		assert.Len(t, f.serving(), 2)
	})
}

func TestAStartTheSystemRefusesOnceIsTriedAgainAtOnce(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.set(func() {
			f.onStart = func(*fakeProcess) error {
				f.onStart = nil
				return errNoProcess
			}
		})
		f.supervisor.Grow()
		f.after(importTime)
		assert.Len(t, f.serving(), 3)
	})
}

func TestAWorkerThatLivedLongIsRestartedAtOnceAgain(t *testing.T) {
	story(t, supervise.Options{Workers: 1, StableAfter: time.Minute}, func(f *fakeSystem) {
		for range 5 {
			f.serving()[0].exit(supervise.Exit{Code: 1})
			f.after(importTime)
			assert.Len(t, f.serving(), 1)
			f.after(time.Minute)
		}
	})
}

func TestABackOffHoldsUpNothingElse(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.set(func() { f.onStart = fails(1) })
		f.processes[0].exit(supervise.Exit{Code: 1})
		f.after(20 * time.Second) // deep in the back-off
		f.set(func() { f.onStart = nil })
		f.processes[1].exit(supervise.Exit{Code: 1})
		f.after(importTime)
		assert.Len(t, f.serving(), 1, "the other seat has its own back-off")
		f.supervisor.ReopenLogs()
		f.now()
		assert.Equal(t, 1, f.reopened)
	})
}

func TestAWorkerThatLeavesUnaskedWithCodeZeroIsReplacedToo(t *testing.T) {
	story(t, supervise.Options{Workers: 1}, func(f *fakeSystem) {
		f.processes[0].exit(supervise.Exit{})
		f.after(importTime)
		assert.Len(t, f.serving(), 1)
		assert.Equal(t, 1, f.logged("exit_code=0"))
	})
}
