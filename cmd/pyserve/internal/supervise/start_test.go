package supervise_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

func TestTheOthersStartTogetherWhenTheFirstWorkerIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, supervise.Options{Workers: 4})
		assert.Empty(t, f.living(), "before the generation is prepared")
		f.after(prepareTime)
		assert.Len(t, f.living(), 1)
		f.after(importTime)
		assert.Len(t, f.living(), 4)
		assert.Equal(t, []string{"starting"}, f.states(), "not all are ready")
		f.after(importTime)
		assert.Equal(t, []string{"starting", "ready"}, f.states())
		status := f.supervisor.Status()
		assert.Equal(t, supervise.Ready, status.State)
		assert.Equal(t, 4, status.Serving)
		f.supervisor.Stop()
		f.end(leaveTime)
		assert.Equal(t, []string{"starting", "ready", "stopping"}, f.states())
	})
}

func TestAFirstStartThatFailsEndsTheMaster(t *testing.T) {
	for _, test := range []struct {
		name    string
		hook    func(*fakeSystem)
		started int
		code    int
	}{
		{"with the exit code of the first worker", func(f *fakeSystem) { f.onStart = fails(3) }, 1, 3},
		{"with 1 when that was 0", func(f *fakeSystem) { f.onStart = fails(0) }, 1, 1},
		{"with 1 when it was killed", func(f *fakeSystem) {
			f.onStart = func(p *fakeProcess) error {
				time.AfterFunc(importTime, func() { p.exit(supervise.Exit{Code: -1, Signal: "SIGSEGV"}) })
				return nil
			}
		}, 1, 1},
		{"with 1 when it could not be started", func(f *fakeSystem) {
			f.onStart = func(*fakeProcess) error { return errNoProcess }
		}, 0, 1},
		{"with 1 when it is not ready in time", func(f *fakeSystem) { f.onStart = hangs }, 1, 1},
		{"with 1 when the generation cannot be prepared", func(f *fakeSystem) {
			f.onPrepare = func(int) error { return errors.New("no module named app") }
		}, 0, 1},
		{"with the exit code of what prepares it", func(f *fakeSystem) {
			f.onPrepare = func(int) error { return coded(4) }
		}, 0, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := begin(t, supervise.Options{Workers: 4, StartTimeout: 10 * time.Second}, test.hook)
				f.end(time.Minute)
				assert.Equal(t, test.code, f.exitCode)
				assert.Len(t, f.processes, test.started, "the traceback is shown once")
				assert.Equal(t, 1, f.logged("nothing is served"))
			})
		})
	}
}

type coded int

func (c coded) Error() string { return "failed" }
func (c coded) ExitCode() int { return int(c) }

func TestAnotherWorkerThatFailsAtTheFirstStartDoesNotEndTheMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, supervise.Options{Workers: 3}, func(f *fakeSystem) {
			f.onStart = func(p *fakeProcess) error {
				if p.spec.Slot == 2 {
					return fails(1)(p)
				}
				time.AfterFunc(importTime, p.become)
				return nil
			}
		})
		f.after(prepareTime + 2*importTime)
		assert.Len(t, f.serving(), 2)
		assert.Equal(t, []string{"starting", "ready"}, f.states(), "two serve, and the third may never do so")
		f.set(func() { f.onStart = nil })
		f.after(time.Minute)
		assert.Len(t, f.serving(), 3)
		f.supervisor.Stop()
		f.end(leaveTime)
	})
}

func TestAStopDuringTheFirstStartLeavesNothingBehind(t *testing.T) {
	for _, test := range []struct {
		name  string
		after time.Duration
	}{
		{"before anything has happened", 0},
		{"while the generation is prepared", prepareTime / 2},
		{"at the moment in which it is prepared", prepareTime},
		{"while the first worker imports", prepareTime + importTime/2},
		{"while the others import", prepareTime + importTime + importTime/2},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := begin(t, supervise.Options{Workers: 3})
				time.Sleep(test.after)
				f.supervisor.Stop()
				f.end(leaveTime)
				assert.Zero(t, f.exitCode)
			})
		})
	}
}

func TestAReloadDuringTheFirstStartBeginsItAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, supervise.Options{Workers: 2}, func(f *fakeSystem) { f.onStart = hangs })
		f.after(time.Minute)
		f.set(func() { f.onStart = nil })
		f.supervisor.Reload()
		f.after(prepareTime + 2*importTime)
		assert.Equal(t, []int{2, 2}, f.generations())
		assert.Equal(t, []string{"starting", "ready"}, f.states())
		f.supervisor.Stop()
		f.end(leaveTime)
	})
}
