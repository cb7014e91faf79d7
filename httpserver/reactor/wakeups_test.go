//go:build linux

package reactor

import (
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// calls reports whether a thread in epoll_wait would be woken by the eventfd.
func calls(t *testing.T, r *Reactor) bool {
	t.Helper()
	events := make([]unix.EpollEvent, 8)
	n, err := unix.EpollWait(r.epoll, events, 0)
	require.NoError(t, err)
	for _, e := range events[:n] {
		if e.Fd == wakeFd {
			return true
		}
	}
	return false
}

func TestAWakeUpThatTheMonitorTookIsPassedOn(t *testing.T) {
	r := newTestReactor(t, nil, Options{})
	r.notify()
	require.True(t, r.monitor.worker.turn(0), "it takes the event from epoll")
	require.False(t, calls(t, r))
	r.polling.Store(1) // the thread for which it was meant: it is in epoll_wait
	defer r.polling.Store(0)
	require.True(t, r.monitor.worker.turn(0))
	assert.True(t, calls(t, r), "the thread sleeps on")
}

func TestAWakeUpThatTheMonitorTookIsNotPassedOnToNobody(t *testing.T) {
	r := newTestReactor(t, nil, Options{})
	r.notify()
	r.monitor.standIn()
	assert.False(t, calls(t, r))
	assert.Zero(t, r.queue.size())
}

func TestTheMonitorWakesAThreadForWhatItLeaves(t *testing.T) {
	r := newTestReactor(t, nil, Options{})
	r.queue.pushEvents([]unix.EpollEvent{{Fd: 99, Pad: 1}})
	r.polling.Store(1)
	defer r.polling.Store(0)
	r.monitor.standIn()
	assert.Equal(t, 1, r.queue.size(), "it goes on polling beside a thread that polls")
	assert.True(t, calls(t, r), "the thread sleeps on")
}

// startThreads has n threads work for a new reactor until the test ends; the first obeys orders.
func startThreads(t *testing.T, n int) (r *Reactor, orders chan func(), tid int) {
	t.Helper()
	r, err := New(n, Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	orders = make(chan func())
	var threads sync.WaitGroup
	tids := make(chan int)
	for i := range n {
		threads.Go(func() {
			runtime.LockOSThread()
			if i == 0 {
				tids <- unix.Gettid()
				r.Work(i, orders)
				return
			}
			r.Work(i, nil)
		})
	}
	t.Cleanup(func() {
		r.Close()
		threads.Wait()
	})
	return r, orders, <-tids
}

// order gives an order, and returns the thread that ran it.
func order(t *testing.T, orders chan<- func()) (tid int) {
	t.Helper()
	ran := make(chan int, 1)
	orders <- func() { ran <- unix.Gettid() }
	select {
	case tid := <-ran:
		return tid
	case <-time.After(patience):
		require.FailNow(t, "the order lies about")
		return 0
	}
}

func TestOrdersRunOnTheirThreadWhateverTheOthersDo(t *testing.T) {
	for name, tasks := range map[string]int{"all poll or are parked": 0, "one is busy": 1, "all are busy": 6} {
		t.Run(name, func(t *testing.T) {
			r, orders, tid := startThreads(t, 4)
			stop := make(chan bool)
			var busy sync.WaitGroup
			for range tasks {
				busy.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							_, err := r.Do(t.Context(), func(int) { runtime.Gosched() })
							assert.NoError(t, err)
						}
					}
				})
			}
			for range 1000 {
				assert.Equal(t, tid, order(t, orders))
			}
			close(stop)
			busy.Wait()
		})
	}
}

func TestAnOrderForAThreadInsideRunsWhenItComesOut(t *testing.T) {
	r, orders, tid := startThreads(t, 1)
	entered, leave := make(chan bool), make(chan bool)
	go r.Do(t.Context(), func(int) {
		entered <- true
		<-leave
	})
	<-entered
	ran := make(chan int, 1)
	orders <- func() { ran <- unix.Gettid() }
	select {
	case <-ran:
		assert.Fail(t, "it ran in the middle of a request")
	default:
	}
	leave <- true
	select {
	case got := <-ran:
		assert.Equal(t, tid, got)
	case <-time.After(patience):
		assert.Fail(t, "the order lies about")
	}
}

// ordered returns a reactor of two threads with an order for the second, of which the scheduler has the first
// polling.
func ordered(t *testing.T) (r *Reactor, ran *bool) {
	t.Helper()
	r, err := New(2, Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(r.Close)
	require.True(t, r.sched.join(0))
	ran = new(bool)
	r.control.Store(&controlQueue{thread: 1, orders: []func(){func() { *ran = true }}})
	r.ordered.Store(true)
	return r, ran
}

func TestAnOrderForAThreadThatParksIsFoundBeforeItSleeps(t *testing.T) {
	r, ran := ordered(t)
	require.False(t, r.sched.join(1))
	w := r.threads[1]
	w.parks = true
	w.park() // would sleep for ever
	w.obey()
	assert.True(t, *ran)
	assert.False(t, w.hasOrders())
}

func TestAThreadDoesNotSpinOnAnOrderForAnotherThatIsInside(t *testing.T) {
	r, ran := ordered(t)
	r.sched.set(1, stateInside)
	w := r.threads[0]
	w.obey()
	assert.False(t, calls(t, r), "it would wake itself, again and again")
	assert.False(t, w.hasOrders())
	r.sched.set(1, statePolling)
	w.obey()
	assert.True(t, calls(t, r), "the other may be in epoll_wait now")
	assert.False(t, *ran)
}
