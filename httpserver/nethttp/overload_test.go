package nethttp

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

// gated is a handler that says when it has begun and answers when it may.
type gated struct{ begun, proceed chan struct{} }

func newGated() gated { return gated{make(chan struct{}, 100), make(chan struct{})} }

func (g gated) Serve(_ int, w httpserver.ResponseWriter, r *httpserver.Request) {
	g.begun <- struct{}{}
	<-g.proceed
	answer(w, "ok")
}

// begin returns a connection whose request is on a thread and stays there until g may proceed.
func (g gated) begin(ts *testServer, target string) net.Conn {
	ts.t.Helper()
	c := ts.dial()
	send(ts.t, c, "GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n")
	wait(ts.t, g.begun)
	return c
}

// waitForIdleThread waits until a thread has begun its work: a queue that holds nothing takes nothing before that.
func (ts *testServer) waitForIdleThread() {
	ts.t.Helper()
	require.Eventually(ts.t, func() bool {
		ts.d.mu.Lock()
		defer ts.d.mu.Unlock()
		return len(ts.d.idle) > 0
	}, patience, time.Millisecond, "no thread is idle")
}

func TestARequestForWhichTheQueueHasNoRoomIsRefused(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, c := range map[string]struct {
		stream  bool
		request string
		closes  bool
	}{
		"the connection stays":                         {request: get},
		"also after content that was taken":            {request: post("Content-Length: 3\r\n", "abc")},
		"unless there is content that nobody will see": {stream: true, request: post("Content-Length: 3\r\n", "abc"), closes: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newGated()
			ts := start(t, h, setup{threads: 1, capacity: -1, Options: httpserver.Options{StreamRequests: c.stream}})
			ts.waitForIdleThread()
			running := h.begin(ts, "/")
			conn := ts.dial()
			send(t, conn, c.request)
			res, content := receive(t, bufio.NewReader(conn), "GET")
			assert.Equal(t, 503, res.StatusCode)
			assert.Equal(t, "1", res.Header.Get("Retry-After"))
			assert.Equal(t, c.closes, res.Close)
			assert.Contains(t, content, "Try again later")
			assert.Equal(t, 503, ts.nextAccess().Status)
			assert.Contains(t, ts.log.String(), "the queue for the threads is full")
			close(h.proceed)
			res, _ = receive(t, bufio.NewReader(running), "GET")
			assert.Equal(t, 200, res.StatusCode)
		})
	}
}

func TestARequestAfterTheThreadsHaveEndedIsRefused(t *testing.T) {
	ts := start(t, text("unreachable"), setup{})
	ts.d.Close()
	got := ts.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	assert.True(t, strings.HasPrefix(got, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"), got)
	got = ts.exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
	assert.True(t, strings.HasSuffix(got, "\r\n\r\n"), got)
}

func TestARequestWhoseClientLeavesTheQueueIsNotAnswered(t *testing.T) {
	h := newGated()
	ts := start(t, h, setup{threads: 1})
	running, leaving := h.begin(ts, "/running"), ts.dial()
	send(t, leaving, "GET /leaving HTTP/1.1\r\nHost: a\r\n\r\n")
	leaving.Close()
	line := ts.nextAccess()
	assert.Equal(t, "/leaving", line.Target)
	assert.Equal(t, 499, line.Status)
	assert.True(t, line.Aborted)
	close(h.proceed)
	receive(t, bufio.NewReader(running), "GET")
	assert.Equal(t, "/running", ts.nextAccess().Target)
	assert.Empty(t, h.begun, "only one request ran")
}

func TestTheTimeInTheQueueIsKnownToTheHandlerAndTheLog(t *testing.T) {
	h, requests := recorder()
	gate := newGated()
	ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		if string(r.Target) == "/first" {
			gate.Serve(0, w, r)
			return
		}
		h.Serve(0, w, r)
	}), setup{threads: 1})
	gate.begin(ts, "/first")
	second := ts.dial()
	send(t, second, "GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
	require.Eventually(t, func() bool { return ts.d.waiting() == 1 }, patience, 1)
	close(gate.proceed)
	receive(t, bufio.NewReader(second), "GET")
	queued := wait(t, requests).Queued
	assert.Positive(t, queued)
	line := ts.nextAccess()
	if line.Target == "/first" {
		line = ts.nextAccess()
	}
	assert.Equal(t, queued.Microseconds(), line.QueueUS)
}
