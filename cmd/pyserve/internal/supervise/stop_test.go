package supervise_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

func TestSignalsEndTheWorkers(t *testing.T) {
	const graceful, kill = 30 * time.Second, 5 * time.Second
	for _, test := range []struct {
		name    string
		signals []syscall.Signal
		deaf    bool
		told    []string
		within  time.Duration
	}{
		{"TERM gracefully", []syscall.Signal{syscall.SIGTERM}, false, []string{"SIGTERM"}, leaveTime},
		{"a first INT gracefully", []syscall.Signal{syscall.SIGINT}, false, []string{"SIGTERM"}, leaveTime},
		{"a second INT at once", []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, false, []string{"SIGTERM", "SIGQUIT"}, 0},
		{"an INT after TERM at once", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, false, []string{"SIGTERM", "SIGQUIT"}, 0},
		{"a second TERM changes nothing", []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, false, []string{"SIGTERM"}, leaveTime},
		{"QUIT at once", []syscall.Signal{syscall.SIGQUIT}, false, []string{"SIGQUIT"}, 0},
		{"TERM after QUIT changes nothing", []syscall.Signal{syscall.SIGQUIT, syscall.SIGTERM}, false, []string{"SIGQUIT"}, 0},
		{"TERM, and by force when they do not leave", []syscall.Signal{syscall.SIGTERM}, true, []string{"SIGTERM", "SIGQUIT", "SIGKILL"}, graceful + kill},
		{"QUIT, and by force when they do not leave", []syscall.Signal{syscall.SIGQUIT}, true, []string{"SIGQUIT", "SIGKILL"}, kill},
	} {
		t.Run(test.name, func(t *testing.T) {
			story(t, supervise.Options{Workers: 2, GracefulTimeout: graceful, KillDelay: kill}, func(f *fakeSystem) {
				if test.deaf {
					f.set(func() { f.onLeaving = deaf })
				}
				for _, signal := range test.signals {
					f.supervisor.Handle(signal)
				}
				f.end(test.within)
				for _, p := range f.processes {
					assert.Equal(t, test.told, p.told)
				}
			})
		})
	}
}

func TestAStopDuringAReloadEndsAllWorkers(t *testing.T) {
	story(t, supervise.Options{Workers: 3}, func(f *fakeSystem) {
		f.set(func() { f.onLeaving = deaf })
		f.supervisor.Reload()
		f.after(prepareTime + importTime + importTime/2)
		assert.Len(t, f.living(), 5, "one drains, one imports")
		started := len(f.processes)
		f.supervisor.Stop()
		f.end(time.Minute)
		assert.Equal(t, []string{"drain", "SIGTERM", "SIGQUIT", "SIGKILL"}, f.processes[0].told)
		assert.Equal(t, []string{"SIGTERM", "SIGQUIT", "SIGKILL"}, f.processes[4].told, "the one that imports")
		assert.Len(t, f.processes, started, "none is started")
	})
}

func TestAWorkerThatDrainsKeepsItsDeadlineAtAStop(t *testing.T) {
	const graceful, kill = 30 * time.Second, 5 * time.Second
	story(t, supervise.Options{Workers: 1, GracefulTimeout: graceful, KillDelay: kill}, func(f *fakeSystem) {
		f.processes[0].deaf = true
		f.supervisor.Reload()
		f.after(prepareTime + importTime)
		f.after(graceful - 5*time.Second)
		f.supervisor.Stop()
		f.end(5*time.Second + kill)
	})
}

func TestAWorkerIsToldToQuitOnce(t *testing.T) {
	story(t, supervise.Options{Workers: 1, KillDelay: 5 * time.Second}, func(f *fakeSystem) {
		f.set(func() { f.onLeaving = deaf })
		f.supervisor.Reload()
		f.after(prepareTime)
		f.supervisor.Interrupt()
		f.after(time.Second)
		f.supervisor.Interrupt()
		f.end(5 * time.Second)
		assert.Equal(t, []string{"SIGTERM", "SIGQUIT", "SIGKILL"}, f.processes[1].told)
	})
}

func TestTheNumberOfWorkersFollowsTTINAndTTOU(t *testing.T) {
	story(t, supervise.Options{Workers: 2, Slots: 4}, func(f *fakeSystem) {
		for _, step := range []struct {
			name    string
			signal  syscall.Signal
			workers int
		}{
			{"one more", syscall.SIGTTIN, 3},
			{"no more than there are slots, but one for successors", syscall.SIGTTIN, 3},
			{"one less", syscall.SIGTTOU, 2},
			{"one less again", syscall.SIGTTOU, 1},
			{"never none", syscall.SIGTTOU, 1},
			{"and back", syscall.SIGTTIN, 2},
		} {
			f.supervisor.Handle(step.signal)
			f.after(importTime + leaveTime)
			assert.Len(t, f.serving(), step.workers, step.name)
			assert.Len(t, f.living(), step.workers, step.name)
			assert.Equal(t, step.workers, f.supervisor.Status().Wanted, step.name)
		}
		assert.Equal(t, []string{"drain"}, f.processes[2].told, "the last one goes")
	})
}

func TestAWorkerThatHasJustBegunToServeMayFinish(t *testing.T) {
	const graceful, kill = 30 * time.Second, 5 * time.Second
	for name, test := range map[string]struct {
		leave func(f *fakeSystem)
		told  string
	}{
		"one worker less": {func(f *fakeSystem) { f.supervisor.Shrink() }, "drain"},
		"a stop":          {func(f *fakeSystem) { f.supervisor.Stop() }, "SIGTERM"},
	} {
		for _, serves := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, it serves: %v", name, serves), func(t *testing.T) {
				story(t, supervise.Options{Workers: 1, Slots: 3, GracefulTimeout: graceful, KillDelay: kill}, func(f *fakeSystem) {
					f.set(func() { f.onStart = func(*fakeProcess) error { return nil } })
					f.supervisor.Grow()
					f.now()
					p := f.processes[1]
					p.deaf = true // what it finishes takes longer than may be
					test.leave(f)
					f.now()
					if serves { // it said so before it heard that it is to leave
						p.become()
						f.after(kill + time.Second)
						assert.Equal(t, []string{test.told}, p.told)
						f.after(graceful)
					} else {
						f.after(2*kill + time.Second)
					}
					assert.Equal(t, []string{test.told, "SIGQUIT", "SIGKILL"}, p.told)
				})
			})
		}
	}
}

func TestOneWorkerLessIsAnOutdatedOneDuringAReload(t *testing.T) {
	story(t, supervise.Options{Workers: 3}, func(f *fakeSystem) {
		f.supervisor.Reload()
		f.after(prepareTime + importTime)
		f.supervisor.Shrink()
		f.now()
		assert.ElementsMatch(t, []int{1, 2}, f.generations())
		f.after(time.Minute)
		assert.Equal(t, []int{2, 2}, f.generations())
	})
}

func TestOneWorkerLessNeitherStopsAReloadNorAWorkerThatServes(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.set(func() { f.onStart = fails(1) })
		f.processes[1].exit(supervise.Exit{Code: 1})
		f.after(time.Minute)
		f.set(func() { f.onStart = nil })
		f.supervisor.Reload()
		f.after(prepareTime)
		f.keeps(1)
		f.supervisor.Shrink() // it takes the empty seat, in which the new generation is tried
		f.after(importTime)
		assert.Equal(t, []int{2}, f.generations())
		f.keeps(0)
	})
}

func TestUSR1ReopensTheLogsOfAllWorkersOnceTheyAreReady(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.supervisor.Grow()
		f.now()
		f.supervisor.Handle(syscall.SIGUSR1)
		f.now()
		assert.Equal(t, 1, f.reopened)
		assert.Equal(t, []string{"SIGUSR1"}, f.processes[0].told)
		assert.Equal(t, []string{"SIGUSR1"}, f.processes[1].told)
		assert.Empty(t, f.processes[2].told, "it imports, and might die of the signal")
		f.after(importTime)
		assert.Equal(t, []string{"SIGUSR1"}, f.processes[2].told)
		assert.Len(t, f.serving(), 3)
	})
}

func TestWINCHLetsAllWorkersLeaveUntilAReload(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.supervisor.Handle(syscall.SIGWINCH)
		f.after(leaveTime)
		assert.Empty(t, f.living())
		assert.Empty(t, f.prepared)
		f.after(time.Hour)
		assert.Empty(t, f.living())
		assert.False(t, f.hasEnded())

		f.set(func() { f.onStart = fails(1) })
		f.supervisor.Handle(syscall.SIGHUP)
		f.after(time.Minute)
		assert.Empty(t, f.living())
		assert.False(t, f.hasEnded(), "a reload that fails ends nothing")
		assert.Equal(t, "without workers until a reload", f.status)

		f.set(func() { f.onStart = nil })
		f.supervisor.Handle(syscall.SIGHUP)
		f.after(prepareTime + 2*importTime)
		assert.Equal(t, []int{3, 3}, f.generations())
		assert.Equal(t, "2 of 2 workers ready, generation 3", f.status)
	})
}

func TestAnUpgradeThatSucceedsLetsThisMasterLeave(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.supervisor.Handle(syscall.SIGUSR2)
		f.after(time.Minute)
		assert.Len(t, f.serving(), 2, "while the new master starts")
		f.upgrade <- nil
		f.end(leaveTime)
		assert.Equal(t, []string{"drain"}, f.processes[0].told, "others serve: connections may make one more request")
		assert.Equal(t, []string{"starting", "ready"}, f.states(), "the service does not stop")
	})
}

func TestAnUpgradeThatFailsLetsThisMasterStay(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.supervisor.Upgrade()
		f.now()
		f.supervisor.Upgrade()
		f.now()
		assert.Equal(t, 1, f.logged("no upgrade now"), "one at a time")
		f.upgrade <- errors.New("exit status 1")
		f.after(time.Minute)
		assert.Len(t, f.serving(), 2)
		assert.Equal(t, 1, f.logged("upgrade failed: this master stays"))
		f.supervisor.Upgrade()
		f.now()
		f.upgrade <- nil
		f.end(leaveTime)
	})
}

func TestAStopEndsAnUpgrade(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.supervisor.Upgrade()
		f.now()
		f.supervisor.Stop()
		f.end(leaveTime)
	})
}

func TestNoUpgradeBeginsBeforeTheFirstStartIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, supervise.Options{})
		f.supervisor.Upgrade()
		f.after(time.Minute)
		assert.Equal(t, 1, f.logged("no upgrade now"))
		f.supervisor.Quit()
		f.end(0)
	})
}

func TestEventsAfterTheEndAreDropped(t *testing.T) {
	story(t, supervise.Options{Workers: 1}, func(f *fakeSystem) {
		f.supervisor.Stop()
		f.end(leaveTime)
		f.supervisor.Reload()
		f.supervisor.WorkerReady(1)
		assert.Equal(t, supervise.Stopping, f.supervisor.Status().State)
	})
}
