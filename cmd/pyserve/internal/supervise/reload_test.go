package supervise_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

// keeps fails the test when a worker is told to leave and fewer than n go on serving.
func (f *fakeSystem) keeps(n int) {
	f.set(func() {
		f.onLeaving = func(p *fakeProcess) {
			if p.ready {
				assert.GreaterOrEqual(f.t, len(f.servingLocked()), n, "serving after pid %d was told to leave", p.pid)
			}
		}
	})
}

func TestAReloadReplacesOneWorkerAfterTheOther(t *testing.T) {
	story(t, supervise.Options{Workers: 3}, func(f *fakeSystem) {
		f.keeps(3)
		f.supervisor.Reload()
		f.after(prepareTime + importTime/2)
		assert.Equal(t, []int{1, 1, 1}, f.generations(), "the new one imports")
		f.after(importTime)
		assert.Equal(t, []int{1, 1, 2}, f.generations())
		f.after(importTime)
		assert.Equal(t, []int{1, 2, 2}, f.generations())
		assert.Equal(t, []string{"starting", "ready", "reloading"}, f.states())
		f.after(importTime)
		assert.Equal(t, []int{2, 2, 2}, f.generations())
		assert.Equal(t, []string{"starting", "ready", "reloading", "ready"}, f.states())
		f.after(leaveTime)
		assert.Len(t, f.living(), 3)
		assert.Equal(t, []int{1}, f.forgotten)
		f.keeps(0)
	})
}

func TestOldWorkersDrainByTheControlSocket(t *testing.T) {
	story(t, supervise.Options{Workers: 1}, func(f *fakeSystem) {
		f.supervisor.Reload()
		f.after(time.Minute)
		assert.Equal(t, []string{"drain"}, f.processes[0].told)
	})
}

func TestSurgeBoundsTheProcessesOfAReload(t *testing.T) {
	for _, test := range []struct {
		name               string
		surge, most, after int // after: how many graceful time-outs are enough
	}{
		{"W of them when it is 0: slow drains do not hold up the reload", 0, 8, 1},
		{"one when it is 1: each waits for the one before", 1, 5, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			const timeout = time.Minute
			story(t, supervise.Options{Workers: 4, Surge: test.surge, GracefulTimeout: timeout}, func(f *fakeSystem) {
				most := 0
				f.set(func() { f.onLeaving = deaf })
				f.supervisor.Reload()
				for range 70 * test.after {
					f.after(time.Second)
					most = max(most, len(f.living()))
					assert.GreaterOrEqual(t, len(f.serving()), 4)
				}
				assert.Equal(t, test.most, most)
				assert.Equal(t, []int{2, 2, 2, 2}, f.generations())
			})
		})
	}
}

func TestAReloadThatFailsKeepsTheOldGenerationServing(t *testing.T) {
	for _, test := range []struct {
		name string
		hook func(*fakeSystem)
	}{
		{"an import error", func(f *fakeSystem) { f.onStart = fails(1) }},
		{"an import that hangs", func(f *fakeSystem) { f.onStart = hangs }},
		{"no new process", func(f *fakeSystem) { f.onStart = func(*fakeProcess) error { return errNoProcess } }},
		{"a zygote that cannot import", func(f *fakeSystem) {
			f.onPrepare = func(int) error { return errors.New("no module named app") }
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			story(t, supervise.Options{Workers: 2, StartTimeout: time.Minute}, func(f *fakeSystem) {
				f.keeps(2)
				f.set(func() { test.hook(f) })
				f.supervisor.Reload()
				f.after(2 * time.Minute)
				assert.Equal(t, []int{1, 1}, f.generations())
				assert.Equal(t, []string{"starting", "ready", "reloading", "ready"}, f.states())
				assert.Equal(t, 1, f.logged("reload failed: generation 1 keeps serving"))
				assert.LessOrEqual(t, len(f.processes), 3, "tried once")

				f.set(func() { f.onStart, f.onPrepare = nil, nil })
				f.supervisor.Reload()
				f.after(time.Minute)
				assert.Equal(t, []int{3, 3}, f.generations(), "the next one works")
				f.keeps(0)
			})
		})
	}
}

func TestAReloadDuringAReloadReplacesIt(t *testing.T) {
	for _, test := range []struct {
		name  string
		after time.Duration
	}{
		{"while the generation is prepared", prepareTime / 2},
		{"at the moment in which it is prepared", prepareTime},
		{"while its first worker imports", prepareTime + importTime/2},
		{"when its first worker serves", prepareTime + importTime + importTime/2},
	} {
		t.Run(test.name, func(t *testing.T) {
			story(t, supervise.Options{Workers: 3}, func(f *fakeSystem) {
				f.keeps(3)
				f.supervisor.Reload()
				time.Sleep(test.after)
				f.supervisor.Reload()
				f.after(prepareTime - 1)
				assert.Subset(t, []int{1, 2}, f.generations(), "the next one is not prepared yet")
				f.after(time.Minute)
				assert.Equal(t, []int{3, 3, 3}, f.generations())
				assert.Equal(t, []int{3}, f.prepared)
				assert.Equal(t, []string{"starting", "ready", "reloading", "ready"}, f.states())
				f.keeps(0)
			})
		})
	}
}

func TestAReloadIsNotHeldUpByAnImportThatHangs(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.set(func() { f.onStart = hangs })
		f.supervisor.Reload()
		f.after(time.Hour)
		f.set(func() { f.onStart = nil })
		f.supervisor.Reload()
		f.after(time.Minute)
		assert.Equal(t, []int{3, 3}, f.generations())
		assert.Len(t, f.living(), 2)
	})
}

func TestAWorkerThatDiesDuringAReloadIsReplaced(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.supervisor.Reload()
		f.after(prepareTime + importTime/2)
		f.processes[0].exit(supervise.Exit{Signal: "SIGSEGV"})
		f.now()
		assert.Equal(t, 1, f.processes[len(f.processes)-1].spec.Generation, "the new generation is not proven")
		f.after(importTime / 2)
		f.serving()[0].exit(supervise.Exit{Signal: "SIGSEGV"})
		f.now()
		assert.Equal(t, 2, f.processes[len(f.processes)-1].spec.Generation, "it is")
		f.after(time.Minute)
		assert.Equal(t, []int{2, 2}, f.generations())
	})
}

func TestTheFirstWorkerOfAReloadServesOnWhenItsPredecessorDies(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.supervisor.Reload()
		f.after(prepareTime + importTime/2)
		f.processes[0].exit(supervise.Exit{Signal: "SIGSEGV"})
		f.after(time.Minute)
		assert.Equal(t, []int{2, 2}, f.generations())
		assert.Empty(t, f.processes[2].told)
		assert.Len(t, f.processes, 5, "one of the old generation was started meanwhile")
	})
}

func TestAReloadFillsAnEmptySeatFirst(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.set(func() { f.onStart = fails(1) })
		f.processes[1].exit(supervise.Exit{Code: 1})
		f.after(time.Minute)
		f.set(func() { f.onStart = nil })
		f.supervisor.Reload()
		f.after(prepareTime + importTime)
		assert.Equal(t, []int{1, 2}, f.generations())
	})
}

func TestAReloadIsNotHeldUpByASuccessorThatHangs(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.supervisor.Reload()
		f.set(func() { f.onStart = hangs })
		f.supervisor.WorkerRetires(f.processes[0].spec.ID, "max requests", false)
		f.now()
		assert.Len(t, f.living(), 3)
		f.set(func() { f.onStart = nil })
		f.after(time.Minute)
		assert.Equal(t, []int{2, 2}, f.generations())
		assert.Len(t, f.living(), 2)
	})
}

func TestAReplacedReloadLeavesNothingOfItself(t *testing.T) {
	story(t, supervise.Options{Workers: 1}, func(f *fakeSystem) {
		f.supervisor.Reload()
		f.now()
		f.supervisor.Reload()
		f.after(leaveTime / 2)
		assert.Equal(t, []int{2}, f.cancelled)
		f.after(prepareTime - leaveTime/2)
		f.supervisor.Reload()
		f.now()
		assert.Equal(t, []string{"drain"}, f.processes[1].told, "its first worker, which was importing")
		f.after(leaveTime)
		assert.Equal(t, []int{3}, f.forgotten)
	})
}

func TestGenerationsThatAreLostAgainAndAgainAreReplacedWithBackOff(t *testing.T) {
	story(t, supervise.Options{Workers: 1}, func(f *fakeSystem) {
		for range 60 {
			f.lose(f.supervisor.Status().Generation)
			f.after(prepareTime + 2*importTime)
		}
		assert.LessOrEqual(t, f.logged("a lost generation is replaced"), 15, "in 180 seconds")
		f.after(time.Minute)
		assert.Len(t, f.serving(), 1)
	})
}

func TestAWorkerWhoseControlSocketIsBrokenIsEndedByTheSignal(t *testing.T) {
	story(t, supervise.Options{Workers: 1}, func(f *fakeSystem) {
		f.processes[0].cut = true
		f.supervisor.Reload()
		f.after(time.Minute)
		assert.Equal(t, []string{"SIGTERM"}, f.processes[0].told)
	})
}

func TestAReloadMendsAnApplicationThatKeepsDying(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.set(func() { f.onStart = fails(1) })
		for _, p := range f.serving() {
			p.exit(supervise.Exit{Code: 1})
		}
		f.after(time.Hour)
		assert.Empty(t, f.serving())
		f.set(func() { f.onStart = nil })
		f.supervisor.Reload()
		f.after(prepareTime + 2*importTime)
		assert.Equal(t, []int{2, 2}, f.generations(), "without the back-off of the old code")
	})
}

func TestALostGenerationIsReplacedByAReload(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.keeps(2)
		f.set(func() { f.onPrepare = func(int) error { return errors.New("no memory") } })
		f.lose(1)
		f.after(time.Minute)
		assert.Equal(t, []int{1, 1}, f.generations(), "its workers go on")
		assert.LessOrEqual(t, f.logged("a lost generation is replaced"), 7, "with back-off")
		f.set(func() { f.onPrepare = nil })
		f.after(time.Minute)
		assert.Len(t, f.serving(), 2)
		assert.NotContains(t, f.generations(), 1)
		f.keeps(0)
	})
}

func TestWorkersOfALostGenerationAreRestartedFromTheNextOne(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.set(func() { f.onStart = hangs })
		f.lose(1)
		f.set(func() { f.onStart = nil })
		for _, p := range f.serving() {
			p.exit(supervise.Exit{Signal: "SIGKILL"})
		}
		f.after(time.Minute)
		assert.Equal(t, []int{2, 2}, f.generations())
	})
}
