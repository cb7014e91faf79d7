package supervise_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

const (
	importTime  = time.Second
	prepareTime = time.Second
	leaveTime   = time.Second
)

// A fakeProcess is a worker: ready after importTime, and gone leaveTime after it was asked gracefully. The hooks
// of fakeSystem change that.
type fakeProcess struct {
	system  *fakeSystem
	spec    supervise.Spec
	pid     int
	rss     int64
	told    []string // Drain and signals, in order
	ready   bool
	dead    bool
	leaving bool
	deaf    bool // to everything but SIGKILL
	cut     bool // its control socket is broken
}

func (p *fakeProcess) PID() int { return p.pid }

func (p *fakeProcess) RSS() (int64, error) {
	p.system.mu.Lock()
	defer p.system.mu.Unlock()
	return p.rss, nil
}

func (p *fakeProcess) Drain() error {
	if p.cut {
		return errors.New("broken pipe")
	}
	p.tell("drain")
	p.leave(leaveTime)
	return nil
}

func (p *fakeProcess) Signal(signal supervise.Signal) error {
	p.tell(signal.String())
	if p.system.isDead(p) {
		return os.ErrProcessDone
	}
	switch signal {
	case supervise.Terminate:
		p.leave(leaveTime)
	case supervise.Quit:
		p.leave(0)
	case supervise.Kill:
		p.exit(supervise.Exit{Signal: "SIGKILL"})
	}
	return nil
}

func (p *fakeProcess) tell(what string) {
	p.system.mu.Lock()
	defer p.system.mu.Unlock()
	p.told = append(p.told, what)
	if what == supervise.Reopen.String() {
		return
	}
	p.leaving = true
	if hook := p.system.onLeaving; hook != nil {
		hook(p)
	}
}

func (p *fakeProcess) leave(after time.Duration) {
	if !p.deaf {
		time.AfterFunc(after, func() { p.exit(supervise.Exit{}) })
	}
}

// obeyOthers makes the process leave as if somebody else than the master had sent it TERM.
func (p *fakeProcess) obeyOthers(after time.Duration) {
	p.system.set(func() { p.leaving = true })
	p.system.supervisor.WorkerLeaves(p.spec.ID)
	p.leave(after)
}

// become makes the process ready, unless it is dead.
func (p *fakeProcess) become() {
	p.system.mu.Lock()
	defer p.system.mu.Unlock()
	if !p.dead {
		p.ready = true
		p.system.supervisor.WorkerReady(p.spec.ID)
	}
}

// exit ends the process, once.
func (p *fakeProcess) exit(how supervise.Exit) {
	p.system.mu.Lock()
	defer p.system.mu.Unlock()
	if !p.dead {
		p.dead = true
		p.system.supervisor.WorkerExited(p.spec.ID, how)
	}
}

// A fakeSystem is the operating system of one story.
type fakeSystem struct {
	t          *testing.T
	supervisor *supervise.Supervisor
	ended      chan struct{} // closed when Run has returned
	exitCode   int

	tasks     atomic.Int32 // calls of Prepare and Upgrade that have not returned
	mu        sync.Mutex
	log       bytes.Buffer
	processes []*fakeProcess
	prepared  []int // the generations that are prepared and not forgotten
	forgotten []int
	cancelled []int // the generations whose preparation was broken off
	lost      []int // the generations no worker can be started from any more
	reopened  int
	notified  []string // states, without repetitions
	status    string

	// The hooks are called with mu held; nil means what is said at fakeProcess.
	onStart     func(*fakeProcess) error // instead of becoming ready after importTime
	onLeaving   func(*fakeProcess)
	onPrepare   func(generation int) error
	prepareTime time.Duration // 0 is the constant
	upgrade     chan error    // what Upgrade returns
}

func (f *fakeSystem) Prepare(ctx context.Context, generation int) error {
	f.tasks.Add(1)
	defer f.tasks.Add(-1)
	f.mu.Lock()
	takes := cmp.Or(f.prepareTime, prepareTime)
	f.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		time.Sleep(leaveTime / 2) // a zygote takes its time to end
		f.set(func() { f.cancelled = append(f.cancelled, generation) })
		return context.Cause(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.onPrepare != nil {
		if err := f.onPrepare(generation); err != nil {
			return err
		}
	}
	f.prepared = append(f.prepared, generation)
	return nil
}

func (f *fakeSystem) Forget(generation int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.Index(f.prepared, generation)
	if assert.NotEqual(f.t, -1, i, "generation %d is forgotten, but is not there", generation) {
		f.prepared = slices.Delete(f.prepared, i, i+1)
		f.forgotten = append(f.forgotten, generation)
	}
	for _, p := range f.livingLocked() {
		assert.NotEqual(f.t, generation, p.spec.Generation, "a generation is forgotten while its worker lives")
	}
}

func (f *fakeSystem) Start(spec supervise.Spec) (supervise.Process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	assert.Contains(f.t, f.prepared, spec.Generation, "a worker is started of a generation that is not there")
	assert.NotContains(f.t, f.lost, spec.Generation, "a worker is started of a generation that is lost")
	for _, other := range f.livingLocked() {
		assert.NotEqual(f.t, other.spec.Slot, spec.Slot, "two living workers have one slot")
	}
	p := &fakeProcess{system: f, spec: spec, pid: 1000 + len(f.processes)}
	if f.onStart == nil {
		time.AfterFunc(importTime, p.become)
	} else if err := f.onStart(p); err != nil {
		return nil, err
	}
	f.processes = append(f.processes, p)
	return p, nil
}

func (f *fakeSystem) Upgrade(ctx context.Context) error {
	f.tasks.Add(1)
	defer f.tasks.Add(-1)
	select {
	case err := <-f.upgrade:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (f *fakeSystem) ReopenLogs() { f.set(func() { f.reopened++ }) }

func (f *fakeSystem) Notify(state supervise.State, status string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = status
	if len(f.notified) == 0 || f.notified[len(f.notified)-1] != string(state) {
		f.notified = append(f.notified, string(state))
	}
}

func (f *fakeSystem) livingLocked() (living []*fakeProcess) {
	for _, p := range f.processes {
		if !p.dead {
			living = append(living, p)
		}
	}
	return living
}

func (f *fakeSystem) living() []*fakeProcess {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.livingLocked()
}

func (f *fakeSystem) isDead(p *fakeProcess) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return p.dead
}

// serving returns the living workers that are ready and were not told to leave.
func (f *fakeSystem) serving() (serving []*fakeProcess) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.servingLocked()
}

func (f *fakeSystem) servingLocked() (serving []*fakeProcess) {
	for _, p := range f.livingLocked() {
		if p.ready && !p.leaving {
			serving = append(serving, p)
		}
	}
	return serving
}

// generations returns the generation of each serving worker, in the order of their starts.
func (f *fakeSystem) generations() (numbers []int) {
	for _, p := range f.serving() {
		numbers = append(numbers, p.spec.Generation)
	}
	return numbers
}

func (f *fakeSystem) states() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.notified)
}

// lose says that no workers can be started from a generation any more.
func (f *fakeSystem) lose(generation int) {
	f.set(func() { f.lost = append(f.lost, generation) })
	f.supervisor.GenerationLost(generation, errors.New("zygote killed"))
	f.now()
}

// set changes the hooks.
func (f *fakeSystem) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// after lets time go by, and everything that is due then happen.
func (f *fakeSystem) after(d time.Duration) {
	f.set(func() {}) // what the test has read without the lock happened before what is written under it now
	time.Sleep(d)
	synctest.Wait()
}

// now lets everything happen that is due without time going by.
func (f *fakeSystem) now() { f.after(0) }

func (f *fakeSystem) hasEnded() bool {
	select {
	case <-f.ended:
		return true
	default:
		return false
	}
}

// logged returns how many records have text in them.
func (f *fakeSystem) logged(text string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Count(f.log.String(), text)
}

// Write implements io.Writer for the log.
func (f *fakeSystem) Write(text []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(text)
}

// fails makes the process exit with a code when it should become ready. For onStart.
func fails(code int) func(*fakeProcess) error {
	return func(p *fakeProcess) error {
		time.AfterFunc(importTime, func() { p.exit(supervise.Exit{Code: code}) })
		return nil
	}
}

// hangs makes the process never ready. For onStart.
func hangs(*fakeProcess) error { return nil }

// deaf makes workers leave by SIGKILL only. For onLeaving.
func deaf(p *fakeProcess) { p.deaf = true }

var errNoProcess = errors.New("resource temporarily unavailable")

// begin starts Run on a fake system, in the bubble of synctest.
func begin(t *testing.T, options supervise.Options, hooks ...func(*fakeSystem)) *fakeSystem {
	f := &fakeSystem{t: t, ended: make(chan struct{}), upgrade: make(chan error)}
	for _, hook := range hooks {
		hook(f)
	}
	options.Log = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.supervisor = supervise.New(options)
	go func() {
		defer close(f.ended)
		f.exitCode = f.supervisor.Run(f)
	}()
	synctest.Wait()
	return f
}

// end waits for Run to return and looks for what it left behind.
func (f *fakeSystem) end(within time.Duration) {
	f.t.Helper()
	f.now()
	select {
	case <-f.ended:
	case <-time.After(within + time.Nanosecond): // what is due just then comes first
		require.FailNow(f.t, "Run has not returned", "within %v; living: %v\n%s", within, f.describeLiving(), f.log.String())
	}
	assert.Empty(f.t, f.living(), "processes left behind")
	assert.Zero(f.t, f.tasks.Load(), "a new generation or a new master is left behind")
	assert.Empty(f.t, f.prepared, "generations left behind")
}

func (f *fakeSystem) describeLiving() (all []string) {
	for _, p := range f.living() {
		all = append(all, fmt.Sprintf("%d %v", p.pid, p.told))
	}
	return all
}

// story tells a story about a supervisor whose workers are all ready, and stops it at the end.
func story(t *testing.T, options supervise.Options, tell func(*fakeSystem)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, options)
		f.after(prepareTime + 2*importTime)
		require.Len(t, f.serving(), options.Workers, "after the start")
		tell(f)
		f.supervisor.Stop()
		f.end(time.Hour)
		assert.Zero(t, f.exitCode)
	})
}
