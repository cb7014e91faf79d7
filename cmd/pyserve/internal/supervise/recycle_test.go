package supervise_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

func TestAWorkerThatAsksIsReplacedByASuccessorThatIsReady(t *testing.T) {
	story(t, supervise.Options{Workers: 2}, func(f *fakeSystem) {
		f.keeps(2)
		old := f.processes[0]
		f.supervisor.WorkerRetires(old.spec.ID, "max requests", false)
		f.now()
		assert.Equal(t, "max requests", f.supervisor.Status().Workers[0].Retiring)
		assert.Empty(t, old.told)
		f.after(importTime)
		assert.Equal(t, []string{"drain"}, old.told)
		f.after(leaveTime)
		assert.Len(t, f.living(), 2)
		assert.Equal(t, supervise.Ready, f.supervisor.Status().State, "not a reload")
		f.keeps(0)
	})
}

func TestWorkersAreRecycledOneAtATime(t *testing.T) {
	story(t, supervise.Options{Workers: 4}, func(f *fakeSystem) {
		f.keeps(4)
		for _, p := range f.serving() {
			f.supervisor.WorkerRetires(p.spec.ID, "max requests", false)
		}
		for range 4 * (importTime + leaveTime) / time.Second {
			f.after(time.Second)
			assert.LessOrEqual(t, len(f.living()), 5)
		}
		for _, p := range f.processes[:4] {
			assert.True(t, p.dead)
		}
		assert.Len(t, f.processes, 8)
		f.keeps(0)
	})
}

func TestAStuckWorkerGoesFirstAndIsKilledIfItDoesNotLeave(t *testing.T) {
	const graceful, kill = 30 * time.Second, 5 * time.Second
	story(t, supervise.Options{Workers: 2, GracefulTimeout: graceful, KillDelay: kill}, func(f *fakeSystem) {
		first, stuck := f.processes[0], f.processes[1]
		stuck.deaf = true
		f.supervisor.WorkerRetires(first.spec.ID, "max requests", false)
		f.supervisor.WorkerRetires(stuck.spec.ID, "a thread is stuck", true)
		f.after(importTime)
		assert.Equal(t, []string{"drain"}, stuck.told)
		assert.Empty(t, first.told)
		f.after(graceful)
		assert.Equal(t, []string{"drain", "SIGQUIT"}, stuck.told)
		f.after(kill)
		assert.Equal(t, []string{"drain", "SIGQUIT", "SIGKILL"}, stuck.told)
		assert.True(t, stuck.dead)
	})
}

func TestARecycledWorkerServesUntilASuccessorCanBeStarted(t *testing.T) {
	story(t, supervise.Options{Workers: 1}, func(f *fakeSystem) {
		f.set(func() { f.onStart = fails(1) })
		f.supervisor.WorkerRetires(f.processes[0].spec.ID, "max requests", false)
		f.after(10 * time.Minute)
		assert.Equal(t, f.processes[:1], f.serving())
		assert.Less(t, len(f.processes), 30, "with back-off")
		f.set(func() { f.onStart = nil })
		f.after(time.Minute)
		assert.True(t, f.processes[0].dead)
	})
}

func TestARetiringWorkerThatDiesIsFollowedByItsSuccessor(t *testing.T) {
	story(t, supervise.Options{Workers: 1}, func(f *fakeSystem) {
		f.supervisor.WorkerRetires(f.processes[0].spec.ID, "max requests", false)
		f.now()
		f.processes[0].exit(supervise.Exit{Signal: "SIGKILL"})
		f.after(importTime)
		assert.Len(t, f.serving(), 1)
		assert.Len(t, f.processes, 2, "no third one is needed")
	})
}

func TestAWorkerOfTooMuchMemoryIsReplaced(t *testing.T) {
	story(t, supervise.Options{Workers: 2, MaxMemory: 100 << 20}, func(f *fakeSystem) {
		f.keeps(2)
		f.set(func() { f.processes[0].rss, f.processes[1].rss = 100<<20+1, 100<<20 })
		f.after(time.Second + importTime + leaveTime)
		assert.True(t, f.processes[0].dead)
		assert.False(t, f.processes[1].dead)
		assert.Equal(t, 1, f.logged(`rss="100 MiB" reason="max memory"`))
		f.keeps(0)
	})
}

func TestAnApplicationThatAlwaysNeedsTooMuchMemoryIsNotStartedOnEnd(t *testing.T) {
	story(t, supervise.Options{Workers: 1, MaxMemory: 1}, func(f *fakeSystem) {
		f.set(func() {
			f.processes[0].rss = 2
			f.onStart = func(p *fakeProcess) error {
				p.rss = 2
				time.AfterFunc(importTime, p.become)
				return nil
			}
		})
		f.after(10 * time.Minute)
		assert.Less(t, len(f.processes), 30)
		assert.NotEmpty(t, f.serving())
	})
}

func TestWorkersAreReplacedAtAnAgeThatDiffers(t *testing.T) {
	const age, jitter = time.Hour, 30 * time.Minute
	story(t, supervise.Options{Workers: 4, MaxAge: age, MaxAgeJitter: jitter}, func(f *fakeSystem) {
		f.keeps(4)
		f.after(age - 2*importTime)
		assert.Len(t, f.processes, 4)
		f.after(jitter + time.Minute)
		assert.Len(t, f.processes, 8)
		for _, p := range f.processes[:4] {
			assert.Equal(t, []string{"drain"}, p.told)
		}
		assert.Equal(t, 4, f.logged(`reason="max age"`))
		f.keeps(0)
	})
}
