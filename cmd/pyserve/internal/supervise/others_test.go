package supervise_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

// byTERM ends the process as TERM does one that has no handler yet.
var byTERM = supervise.Exit{Signal: "SIGTERM"}

func TestAStopThatReachesTheWorkersFirstEndsWithoutAnErrorAndStartsNothing(t *testing.T) {
	for name, reach := range map[string]func(*fakeSystem, *fakeProcess){
		"they say so":        func(f *fakeSystem, p *fakeProcess) { p.obeyOthers(leaveTime) },
		"and end at once":    func(f *fakeSystem, p *fakeProcess) { p.obeyOthers(0) },
		"they have no say":   func(f *fakeSystem, p *fakeProcess) { p.exit(byTERM) },
		"QUIT, with no say":  func(f *fakeSystem, p *fakeProcess) { p.exit(supervise.Exit{Signal: "SIGQUIT"}) },
		"some one, some not": func(f *fakeSystem, p *fakeProcess) { p.exit(byTERM); f.supervisor.WorkerLeaves(p.spec.ID + 1) },
	} {
		t.Run(name, func(t *testing.T) {
			for stage, before := range map[string]time.Duration{
				"in the first start": prepareTime + importTime/2, "serving": prepareTime + 3*importTime,
			} {
				for what, first := range map[string]func(*supervise.Supervisor){
					"by itself": func(*supervise.Supervisor) {}, "after a reload": (*supervise.Supervisor).Reload,
					"with an upgrade": (*supervise.Supervisor).Upgrade,
				} {
					t.Run(stage+" "+what, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							f := begin(t, supervise.Options{Workers: 2})
							f.after(before)
							first(f.supervisor)
							f.now()
							for _, p := range f.living() {
								reach(f, p)
							}
							f.after(time.Second / 2)
							started := len(f.processes)
							f.supervisor.Stop()
							f.end(time.Minute)
							assert.Zero(t, f.exitCode)
							assert.Zero(t, f.logged("level=ERROR"), "%s", f.log.String())
							assert.Len(t, f.processes, started)
						})
					})
				}
			}
		})
	}
}

func TestAWorkerThatOthersEndIsReplacedAfterASecond(t *testing.T) {
	for name, end := range map[string]func(*fakeSystem, *fakeProcess){
		"by TERM":                func(f *fakeSystem, p *fakeProcess) { p.exit(byTERM) },
		"while it still answers": func(f *fakeSystem, p *fakeProcess) { p.obeyOthers(10 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
				for range 5 {
					end(f, f.serving()[0])
					f.now()
					assert.Equal(t, 1, f.supervisor.Status().Serving)
					f.after(time.Second + importTime)
					assert.Equal(t, 2, f.supervisor.Status().Serving)
				}
				assert.Zero(t, f.logged("level=ERROR"))
			})
		})
	}
}

func TestAWorkerThatOthersToldToLeaveAndDoesNotIsMadeTo(t *testing.T) {
	story(t, supervise.Options{Workers: 1, GracefulTimeout: 30 * time.Second, KillDelay: 5 * time.Second}, func(f *fakeSystem) {
		f.processes[0].deaf = true
		f.supervisor.WorkerLeaves(f.processes[0].spec.ID)
		f.after(35 * time.Second)
		assert.Equal(t, []string{"SIGQUIT", "SIGKILL"}, f.processes[0].told)
	})
}

func TestAnApplicationThatEndsItselfByTERMAtImportFailsTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
			f.onStart = func(p *fakeProcess) error {
				time.AfterFunc(importTime, func() { p.exit(byTERM) })
				return nil
			}
		})
		f.end(time.Minute)
		assert.Equal(t, 1, f.exitCode)
		assert.Len(t, f.processes, 4)
	})
}

func TestAStopEndsQuietlyWhateverIsGoingOn(t *testing.T) {
	for name, going := range map[string]func(*fakeSystem){
		"a reload that came with it": func(f *fakeSystem) { f.supervisor.Reload() },
		"the wait of a crash loop": func(f *fakeSystem) {
			f.set(func() { f.onStart = fails(1) })
			f.processes[0].exit(supervise.Exit{Code: 1})
			f.after(20 * time.Second)
		},
		"an upgrade":                      func(f *fakeSystem) { f.supervisor.Upgrade(); f.after(time.Second) },
		"a worker that others have ended": func(f *fakeSystem) { f.processes[0].exit(byTERM); f.now() },
	} {
		t.Run(name, func(t *testing.T) {
			story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
				going(f)
				started, failed := len(f.processes), f.logged("level=ERROR")
				f.supervisor.Stop()
				f.end(time.Minute)
				assert.Zero(t, f.exitCode)
				assert.Len(t, f.processes, started, "none is started")
				assert.Equal(t, failed, f.logged("level=ERROR"))
			})
		})
	}
}
