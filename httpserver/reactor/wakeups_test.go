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
	require.True(t, r.monitor.poller.next(0), "it takes the event from epoll")
	require.False(t, calls(t, r))
	r.polling.Store(1) // the thread for which it was meant: it is in epoll_wait
	defer r.polling.Store(0)
	require.True(t, r.monitor.poller.next(0))
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

// startThread has a thread work for a new reactor, and run orders, until the test ends.
func startThread(t *testing.T) (r *Reactor, orders chan func(), tid int) {
	t.Helper()
	r, err := New(1, Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	orders = make(chan func())
	var thread sync.WaitGroup
	tids := make(chan int)
	thread.Go(func() {
		runtime.LockOSThread()
		tids <- unix.Gettid()
		r.Work(0, orders)
	})
	t.Cleanup(func() {
		r.Close()
		thread.Wait()
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

func TestOrdersRunOnTheThreadWhateverItDoes(t *testing.T) {
	for name, tasks := range map[string]int{"it polls": 0, "it is busy now and then": 1, "it is always busy": 6} {
		t.Run(name, func(t *testing.T) {
			r, orders, tid := startThread(t)
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
	r, orders, tid := startThread(t)
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
