package nethttp

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

// waiting returns how many tasks wait for a thread.
func (d *Dispatcher) waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue.Len()
}

// startThreads runs n threads of d and returns what waits for their end.
func startThreads(d *Dispatcher, n int) (wait func()) {
	var threads sync.WaitGroup
	for i := range n {
		threads.Go(func() { d.Work(i, nil) })
	}
	return threads.Wait
}

// occupy has a thread of d busy until release is called, which waits for the task's end.
func occupy(t *testing.T, d *Dispatcher) (release func()) {
	t.Helper()
	started, gate, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := d.Do(context.Background(), func(int) { close(started); <-gate })
		ended <- err
	}()
	<-started
	return sync.OnceFunc(func() {
		close(gate)
		assert.NoError(t, <-ended)
	})
}

// inBubble runs test with a Dispatcher of the given size on a fake clock.
func inBubble(t *testing.T, capacity, threads int, test func(t *testing.T, d *Dispatcher)) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDispatcher(capacity)
		wait := startThreads(d, threads)
		synctest.Wait()
		test(t, d)
		d.Close()
		wait()
		assert.Zero(t, d.waiting(), "nothing is left")
	})
}

func TestDoRunsTheTaskOnAThreadAndReturnsAfterIt(t *testing.T) {
	inBubble(t, 0, 1, func(t *testing.T, d *Dispatcher) {
		thread := -1
		queued, err := d.Do(t.Context(), func(n int) { thread = n })
		require.NoError(t, err)
		assert.Equal(t, 0, thread)
		assert.Zero(t, queued)
	})
}

func TestTasksRunInTheOrderTheyCame(t *testing.T) {
	inBubble(t, 10, 1, func(t *testing.T, d *Dispatcher) {
		release := occupy(t, d)
		var order []int
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() { _, _ = d.Do(t.Context(), func(int) { order = append(order, i) }) })
			synctest.Wait()
		}
		release()
		all.Wait()
		assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, order)
	})
}

func TestDoTellsHowLongTheTaskWaited(t *testing.T) {
	inBubble(t, 1, 1, func(t *testing.T, d *Dispatcher) {
		release := occupy(t, d)
		time.AfterFunc(3*time.Second, release)
		queued, err := d.Do(t.Context(), func(int) { time.Sleep(time.Minute) })
		require.NoError(t, err)
		assert.Equal(t, 3*time.Second, queued)
	})
}

func TestAFullQueueRefuses(t *testing.T) {
	inBubble(t, 2, 1, func(t *testing.T, d *Dispatcher) {
		release := occupy(t, d)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				_, err := d.Do(t.Context(), func(int) {})
				assert.NoError(t, err)
			})
		}
		synctest.Wait()
		assert.Equal(t, 2, d.waiting())
		_, err := d.Do(t.Context(), func(int) { t.Error("a refused task ran") })
		assert.ErrorIs(t, err, httpserver.ErrQueueFull)
		release()
		all.Wait()
		_, err = d.Do(t.Context(), func(int) {})
		assert.NoError(t, err, "there is room again")
	})
}

func TestATaskWhoseClientGivesUpInTheQueueNeverRuns(t *testing.T) {
	inBubble(t, 3, 1, func(t *testing.T, d *Dispatcher) {
		release := occupy(t, d)
		var others sync.WaitGroup
		var ran atomic.Int32
		other := func() {
			others.Go(func() { _, _ = d.Do(t.Context(), func(int) { ran.Add(1) }) })
			synctest.Wait()
		}
		other()
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			_, err := d.Do(ctx, func(int) { t.Error("it ran") })
			result <- err
		}()
		synctest.Wait()
		other()
		cancel()
		assert.ErrorIs(t, <-result, context.Canceled)
		assert.Equal(t, 2, d.waiting(), "its place is free")
		release()
		others.Wait()
		assert.EqualValues(t, 2, ran.Load(), "its neighbours run")
	})
}

func TestATaskThatWasBegunIsWaitedForThoughItsClientGaveUp(t *testing.T) {
	inBubble(t, 0, 1, func(t *testing.T, d *Dispatcher) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := false
		_, err := d.Do(ctx, func(int) {
			cancel()
			time.Sleep(time.Second)
			ended = true
		})
		assert.NoError(t, err)
		assert.True(t, ended)
	})
}

func TestAnIdleThreadTakesTheTaskOfAClientThatIsGoneAlready(t *testing.T) {
	inBubble(t, 0, 1, func(t *testing.T, d *Dispatcher) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := d.Do(ctx, func(int) {})
		assert.NoError(t, err)
	})
}

func TestCloseRunsWhatIsQueuedAndRefusesTheRest(t *testing.T) {
	inBubble(t, 5, 1, func(t *testing.T, d *Dispatcher) {
		release := occupy(t, d)
		var all sync.WaitGroup
		var ran atomic.Int32
		for range 5 {
			all.Go(func() { _, _ = d.Do(t.Context(), func(int) { ran.Add(1) }) })
		}
		synctest.Wait()
		d.Close()
		_, err := d.Do(t.Context(), func(int) { t.Error("it ran after Close") })
		assert.ErrorIs(t, err, httpserver.ErrClosed)
		release()
		all.Wait()
		assert.EqualValues(t, 5, ran.Load())
	})
}

func TestThreadsThatComeAfterCloseStillRunWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDispatcher(1)
		done := make(chan error, 1)
		go func() {
			_, err := d.Do(t.Context(), func(int) {})
			done <- err
		}()
		synctest.Wait()
		d.Close()
		d.Work(0, nil)
		assert.NoError(t, <-done)
	})
}

func TestAPanicReachesTheCallerOfDoAndNotTheThread(t *testing.T) {
	inBubble(t, 0, 1, func(t *testing.T, d *Dispatcher) {
		func() {
			defer func() {
				p, ok := recover().(*httpserver.TaskPanic)
				require.True(t, ok)
				assert.Equal(t, "boom", p.Value)
				assert.Contains(t, string(p.Stack), "TestAPanicReachesTheCallerOfDoAndNotTheThread")
				assert.EqualError(t, p, "panic on a thread: boom")
			}()
			_, _ = d.Do(t.Context(), func(int) { panic("boom") })
		}()
		synctest.Wait()
		_, err := d.Do(t.Context(), func(int) {})
		assert.NoError(t, err, "the thread goes on")
	})
}

func TestControlFunctionsRunOnTheirThread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDispatcher(10)
		control := make(chan func())
		var thread sync.WaitGroup
		thread.Go(func() { d.Work(7, control) })

		called := make(chan struct{})
		control <- func() { close(called) }
		<-called

		var order []string
		release := occupy(t, d)
		var task sync.WaitGroup
		task.Go(func() { _, _ = d.Do(t.Context(), func(int) { order = append(order, "task") }) })
		go func() { control <- func() { order = append(order, "control") } }()
		synctest.Wait()
		release()
		task.Wait()
		assert.Equal(t, []string{"control", "task"}, order, "a busy queue does not keep control waiting")

		close(control)
		synctest.Wait()
		_, err := d.Do(t.Context(), func(int) {})
		assert.NoError(t, err, "a closed channel is no reason to stop")
		d.Close()
		thread.Wait()
	})
}

func TestNoTaskIsLostThatComesWithAControlFunction(t *testing.T) {
	d := NewDispatcher(0)
	control := make(chan func(), 1)
	th := &thread{d: d, control: control, assigned: make(chan *httpserver.Task, 1)}
	for range 64 { // select takes either of two that are ready
		_, more := d.next(th)
		require.True(t, more)
		ran := false
		job := httpserver.NewTask(func(int) { ran = true })
		_, err := d.enqueue(job)
		require.NoError(t, err)
		called := false
		control <- func() { called = true }
		th.wait()
		_, err = job.Wait(t.Context())
		require.NoError(t, err)
		assert.True(t, ran)
		if !called {
			(<-control)()
		}
		assert.True(t, called)
	}
}

func TestManyCallersShareTheThreads(t *testing.T) {
	d := NewDispatcher(1000)
	wait := startThreads(d, 4)
	var busy [4]atomic.Int32
	var ran atomic.Int32
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			for i := range 100 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%7 == 0 {
					cancel()
				}
				_, err := d.Do(ctx, func(thread int) {
					assert.EqualValues(t, 1, busy[thread].Add(1), "a thread runs one task at a time")
					ran.Add(1)
					busy[thread].Add(-1)
				})
				if err != nil {
					ran.Add(1)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	d.Close()
	wait()
	assert.EqualValues(t, 5000, ran.Load())
}
