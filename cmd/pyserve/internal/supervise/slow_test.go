package supervise_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

const startTimeout = 100 * time.Second

func TestAStartThatHangsIsEndedAndBlocksNothing(t *testing.T) {
	for name, begin := range map[string]func(*fakeSystem){
		"a reload's":    func(f *fakeSystem) { f.supervisor.Reload(); f.after(prepareTime) },
		"a successor's": func(f *fakeSystem) { f.supervisor.WorkerRetires(f.processes[0].spec.ID, "max requests", false) },
		"a refill's":    func(f *fakeSystem) { f.processes[1].exit(supervise.Exit{Signal: "SIGSEGV"}) },
	} {
		t.Run(name, func(t *testing.T) {
			story(t, supervise.Options{Workers: 2, StartTimeout: startTimeout}, func(f *fakeSystem) {
				f.set(func() { f.onStart = hangs })
				begin(f)
				f.after(startTimeout - time.Second)
				assert.Equal(t, 3, f.logged("a worker is not ready yet"), "a line each 30 seconds")
				assert.Len(t, f.living(), 3-f.diedAlready())
				f.set(func() { f.onStart = nil })
				f.supervisor.WorkerRetires(f.processes[0].spec.ID, "stuck", true)
				f.after(time.Second + 2*importTime + leaveTime)
				assert.Equal(t, 1, f.logged("did not become ready within the start time-out"))
				assert.Equal(t, []string{"SIGKILL"}, f.processes[2].told)
				assert.True(t, f.isDead(f.processes[0]), "the one that is stuck is replaced")
				assert.Len(t, f.serving(), 2)
			})
		})
	}
}

// diedAlready returns how many of the first two workers are dead.
func (f *fakeSystem) diedAlready() (n int) {
	for _, p := range f.processes[:2] {
		if f.isDead(p) {
			n++
		}
	}
	return n
}

func TestAPreparationThatHangsIsGivenUp(t *testing.T) {
	story(t, supervise.Options{Workers: 1, StartTimeout: startTimeout}, func(f *fakeSystem) {
		f.set(func() { f.prepareTime = time.Hour })
		f.supervisor.Reload()
		f.after(startTimeout - time.Second)
		assert.Equal(t, 3, f.logged("a generation is not prepared yet"))
		f.after(time.Second + leaveTime)
		assert.Equal(t, 1, f.logged("it took longer than the start time-out"))
		assert.Equal(t, 1, f.logged("reload failed: generation 1 keeps serving"))
		f.set(func() { f.prepareTime = prepareTime })
	})
}

func TestAnUpgradeThatHangsIsGivenUp(t *testing.T) {
	story(t, supervise.Options{Workers: 1, StartTimeout: startTimeout}, func(f *fakeSystem) {
		f.supervisor.Upgrade()
		f.after(3*startTimeout - time.Second)
		assert.Equal(t, 9, f.logged("the new master does not serve yet"))
		f.after(time.Second)
		assert.Equal(t, 1, f.logged("upgrade failed: this master stays"))
		f.supervisor.Upgrade()
		f.upgrade <- nil
		f.end(time.Minute)
	})
}

func TestWithoutAStartTimeoutAStartMayTakeForEverButIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, supervise.Options{Workers: 1}, func(f *fakeSystem) { f.onStart = hangs })
		f.after(prepareTime + time.Hour)
		assert.Len(t, f.living(), 1)
		assert.Equal(t, 120, f.logged("a worker is not ready yet"))
		f.supervisor.Stop()
		f.end(time.Minute)
	})
}

func TestASupervisorThatHangsDoesNotAnswer(t *testing.T) {
	story(t, supervise.Options{Workers: 1}, func(f *fakeSystem) {
		assert.True(t, f.supervisor.Answers(time.Second))
		hang := make(chan struct{})
		f.set(func() {
			f.onStart = func(*fakeProcess) error {
				<-hang
				return errNoProcess
			}
		})
		f.supervisor.Grow()
		time.Sleep(time.Millisecond) // f.now would wait for the lock under which it hangs
		assert.False(t, f.supervisor.Answers(time.Second))
		close(hang)
		assert.True(t, f.supervisor.Answers(time.Second))
		f.set(func() { f.onStart = nil })
		f.supervisor.Shrink()
	})
}
