//go:build linux

package reactor

import (
	"log/slog"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

const (
	aRequest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	content  = "Hello, world!\n"
)

// ask sends a request, and queues its event as if epoll had told of it.
func ask(c *conn, client int, request string) {
	unix.Write(client, []byte(request))
	c.r.queue.pushEvents([]unix.EpollEvent{{Events: unix.EPOLLIN, Fd: int32(c.fd), Pad: int32(c.generation)}})
}

// received returns what has come at the client so far.
func received(client int) string {
	buffer := make([]byte, 1<<20)
	n, _ := unix.Read(client, buffer)
	return string(buffer[:max(n, 0)])
}

// holdingThread is a thread that takes no request for a long one, on however busy a machine.
func holdingThread(t *testing.T, r *Reactor) *poller {
	t.Helper()
	p := theThread(t, r)
	p.outbox.short, p.outbox.longest = math.MaxInt64, math.MaxInt64
	return p
}

func sayHello(w httpserver.ResponseWriter, r *httpserver.Request) {
	fixed(nil, []byte(content))(w, r)
}

func TestAnswersOfOneBatchGoOutTogetherAtItsEnd(t *testing.T) {
	r := newTestReactor(t, sayHello, Options{})
	p := holdingThread(t, r)
	first, firstClient := connect(t, r)
	second, secondClient := connect(t, r)
	ask(first, firstClient, aRequest)
	ask(second, secondClient, aRequest)
	require.True(t, p.next(0))
	require.True(t, p.next(0))
	assert.Empty(t, received(firstClient), "the batch is not through")
	assert.Empty(t, received(secondClient))
	require.True(t, p.next(0))
	assert.Contains(t, received(firstClient), content)
	assert.Contains(t, received(secondClient), content)
	assert.Equal(t, nobody, first.own.at())
}

func TestARequestThatComesWhileTheAnswerBeforeItIsHeldFollowsIt(t *testing.T) {
	n := 0
	r := newTestReactor(t, func(w httpserver.ResponseWriter, q *httpserver.Request) {
		n++
		fixed([]httpserver.HeaderField{{Name: "N", Value: string(rune('0' + n))}}, []byte(content))(w, q)
	}, Options{})
	p := holdingThread(t, r)
	c, client := connect(t, r)
	ask(c, client, aRequest)
	require.True(t, p.next(0))
	ask(c, client, aRequest)
	for p.next(0) {
	}
	assert.Regexp(t, `(?s)N: 1\r\n.*N: 2\r\n`, received(client))
	assert.Equal(t, 2, n)
}

func TestAnAnswerIsNotHeldBackByALongRequest(t *testing.T) {
	var clients [2]int
	n := 0
	var r *Reactor
	r = newTestReactor(t, func(w httpserver.ResponseWriter, q *httpserver.Request) {
		n++
		sayHello(w, q)
		if n == 2 { // both requests came together
			await(t, clients[0], content)
			await(t, clients[1], content)
			r.Close() // Work ends when the queue is empty
		}
	}, Options{})
	for i := range clients {
		var c *conn
		c, clients[i] = connect(t, r)
		ask(c, clients[i], aRequest)
	}
	r.Work(0, nil)
	assert.Equal(t, 2, n)
}

func TestAThreadThatFindsARequestWhenItParksGoesOnPolling(t *testing.T) {
	var r *Reactor
	var c *conn
	var client int
	var handled atomic.Int32
	handler := func(w httpserver.ResponseWriter, q *httpserver.Request) {
		switch handled.Add(1) {
		case 1: // the client is fast: the next request is there when the answer goes out
			unix.Write(client, []byte(aRequest))
			assert.False(t, c.own.claim())
		case 2:
			r.sched.leave(1)
		}
		sayHello(w, q)
	}
	r, err := New(2, Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	r.handler = handlerFunc(handler)
	t.Cleanup(r.Close)
	c, client = connect(t, r)
	ask(c, client, aRequest)
	r.threads[0].outbox.short, r.threads[0].outbox.longest = math.MaxInt64, math.MaxInt64
	require.True(t, r.sched.join(1), "another thread polls: that of the test is to park")
	go r.Work(0, nil)
	require.Eventually(t, func() bool { return r.sched.unparkThread(0) }, patience, time.Millisecond)
	r.unpark(0)
	await(t, client, content)
	require.Eventually(t, func() bool { return handled.Load() == 2 }, patience, time.Millisecond)
	ask(c, client, aRequest)
	r.notify()
	require.Eventually(t, func() bool { return handled.Load() == 3 }, patience, time.Millisecond, "nobody polls")
}

// await waits until text has come at the client.
func await(t *testing.T, client int, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		fds := []unix.PollFd{{Fd: int32(client), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, int(time.Until(deadline).Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		assert.Contains(t, received(client), text)
		return
	}
}

func TestWhatTheClientDoesNotTakeOfAHeldAnswerFollows(t *testing.T) {
	r := newTestReactor(t, sayHello, Options{})
	p := holdingThread(t, r)
	c, client := connect(t, r)
	filler := make([]byte, 4096)
	filled := 0
	for {
		n, err := unix.Write(c.fd, filler)
		if err != nil {
			break
		}
		filled += n
	}
	ask(c, client, aRequest)
	for p.next(0) {
	}
	require.Equal(t, phaseFlush, c.phase)
	for filled > 0 {
		filled -= len(received(client))
	}
	r.queue.pushEvents([]unix.EpollEvent{{Events: unix.EPOLLOUT, Fd: int32(c.fd), Pad: int32(c.generation)}})
	for p.next(0) {
	}
	assert.Contains(t, received(client), content)
	assert.Equal(t, phaseHead, c.phase)
}

func TestAHeldAnswerToAClientThatIsGoneClosesTheConnection(t *testing.T) {
	r := newTestReactor(t, sayHello, Options{})
	p := holdingThread(t, r)
	c, client := connect(t, r)
	ask(c, client, aRequest)
	require.True(t, p.next(0))
	require.NoError(t, unix.Shutdown(client, unix.SHUT_RDWR))
	for p.next(0) {
	}
	assert.Equal(t, phaseClosed, c.phase)
	assert.Zero(t, r.counters.Connections.Load())
}

func TestAnAbortAfterTheWholeAnswerClosesTheConnection(t *testing.T) {
	r := newTestReactor(t, func(w httpserver.ResponseWriter, q *httpserver.Request) {
		sayHello(w, q)
		w.Abort()
	}, Options{})
	p := holdingThread(t, r)
	c, client := connect(t, r)
	ask(c, client, aRequest)
	for p.next(0) {
	}
	assert.Contains(t, received(client), content)
	assert.Equal(t, phaseClosed, c.phase)
}

func TestOnlyAnswersThatLeaveTheConnectionOpenAreHeld(t *testing.T) {
	for name, test := range map[string]struct {
		request string
		handler handlerFunc
	}{
		"a connection that closes": {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", sayHello},
		"requests that follow":     {aRequest + "G", sayHello},
		"a large answer":           {aRequest, fixed(nil, make([]byte, 2*joined))},
		"a slow request": {aRequest, func(w httpserver.ResponseWriter, q *httpserver.Request) {
			for began := time.Now(); time.Since(began) <= time.Millisecond; {
			}
			sayHello(w, q)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestReactor(t, test.handler, Options{})
			p := holdingThread(t, r)
			if name == "a slow request" {
				p.outbox.short = int64(time.Millisecond)
				p.clock.set(r)
			}
			c, client := connect(t, r)
			ask(c, client, test.request)
			require.True(t, p.next(0))
			assert.Contains(t, received(client), "200")
		})
	}
}
