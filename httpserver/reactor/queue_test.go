//go:build linux

package reactor

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

func TestARingGivesBackInOrderAndStaysSmall(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var r ring[int]
	pushed, popped := 0, 0
	for range 200000 {
		if random.IntN(2) == 0 && pushed-popped < 500 || r.len() == 0 {
			r.push(pushed)
			pushed++
		} else {
			assert.Equal(t, popped, r.pop())
			popped++
		}
		assert.Equal(t, pushed-popped, r.len())
	}
	assert.Less(t, cap(r.items), 4000, "what was taken out is still there")
}

func TestThreadsTakeRequestsFirstAndOthersOnlyEvents(t *testing.T) {
	q := &queue{capacity: 1}
	request := &conn{}
	assert.True(t, q.push(request))
	assert.False(t, q.push(&conn{}), "there is no room for a second")
	q.pushEvents([]unix.EpollEvent{{Fd: 1}, {Fd: 2}})
	assert.True(t, q.ready(false))
	i, ok := q.pop(false)
	assert.True(t, ok)
	assert.Equal(t, int32(1), i.event.Fd)
	i, ok = q.pop(true)
	assert.True(t, ok)
	assert.Same(t, request, i.request)
	_, ok = q.pop(true)
	assert.True(t, ok)
	_, ok = q.pop(true)
	assert.False(t, ok)
	assert.Zero(t, q.size())
}

func TestOldRequestsAreTakenOutOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{capacity: 10}
		q.push(&conn{transport: transport{fd: 1}})
		time.Sleep(time.Second)
		q.push(&conn{transport: transport{fd: 2}})
		_, ok := q.popOlder(time.Second)
		assert.False(t, ok)
		time.Sleep(time.Nanosecond)
		i, ok := q.popOlder(time.Second)
		assert.True(t, ok)
		assert.Equal(t, 1, i.request.(*conn).fd)
		_, ok = q.popOlder(time.Second)
		assert.False(t, ok)
		_, ok = q.popOlder(-1)
		assert.False(t, ok)
	})
}

func TestATaskThatHasWaitedTooLongDoesNotRun(t *testing.T) {
	r := newTestReactor(t, nil, Options{Limits: httpserver.Limits{QueueAge: 1}})
	result := make(chan error)
	go func() {
		_, err := r.Do(t.Context(), func(int) { t.Error("it has run") })
		result <- err
	}()
	p := r.newPoller(-1)
	for r.queue.size() == 0 {
		time.Sleep(time.Millisecond)
	}
	p.refuseOld()
	assert.ErrorIs(t, <-result, httpserver.ErrQueueFull)
	assert.Equal(t, int64(1), r.counters.QueueAged.Load())
}

func TestATaskThatNobodyCanRunFailsWhenTheReactorCloses(t *testing.T) {
	r := newTestReactor(t, nil, Options{})
	result := make(chan error)
	go func() {
		_, err := r.Do(t.Context(), func(int) { t.Error("it has run") })
		result <- err
	}()
	for r.queue.size() == 0 {
		time.Sleep(time.Millisecond)
	}
	r.Close()
	assert.ErrorIs(t, <-result, httpserver.ErrClosed)
	_, err := r.Do(t.Context(), func(int) {})
	assert.ErrorIs(t, err, httpserver.ErrClosed)
}
