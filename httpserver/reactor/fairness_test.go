//go:build linux

package reactor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

// A client that has its answer and asks again, before the thread has so much as looked at what comes next, is the
// unfair one: others may have waited all the time.
func TestRequestsAreAnsweredInTheOrderInWhichTheyCame(t *testing.T) {
	const get = " HTTP/1.1\r\nHost: a\r\n\r\n"
	post := func(path string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789"
	}
	for name, c := range map[string]struct {
		first, again, other string
		queued              bool // the monitor has read them while the thread was busy
		seen                bool // the monitor sees the second request while the first one is answered
	}{
		"read by the thread":                {"GET /first" + get, "GET /again" + get, "GET /other" + get, false, false},
		"read by the monitor":               {"GET /first" + get, "GET /again" + get, "GET /other" + get, true, false},
		"seen by the monitor":               {"GET /first" + get, "GET /again" + get, "GET /other" + get, false, true},
		"read and seen by the monitor":      {"GET /first" + get, "GET /again" + get, "GET /other" + get, true, true},
		"with content, read by the monitor": {post("/first"), post("/again"), post("/other"), true, false},
		"with content, seen by the monitor": {post("/first"), post("/again"), post("/other"), true, true},
		"sent together":                     {"GET /first" + get + "GET /again" + get, "", "GET /other" + get, false, false},
		"sent together, to the monitor":     {"GET /first" + get + "GET /again" + get, "", "GET /other" + get, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			var order []string
			var r *Reactor
			var client int
			r = newTestReactor(t, func(w httpserver.ResponseWriter, q *httpserver.Request) {
				order = append(order, string(q.Target))
				if string(q.Target) == "/first" {
					time.Sleep(2 * time.Duration(timeTurn))
				}
				assert.NoError(t, w.WriteHead(&httpserver.Head{Status: 204, NoContent: true}))
				if string(q.Target) != "/first" {
					return
				}
				_, err := unix.Write(client, []byte(c.again))
				assert.NoError(t, err)
				if c.seen {
					for r.monitor.poller.next(0) {
					}
				}
			}, Options{})
			thread := theThread(t, r)
			first, mine := connectPolled(t, r)
			_, other := connectPolled(t, r)
			client = mine
			_, err := unix.Write(client, []byte(c.first))
			require.NoError(t, err)
			_, err = unix.Write(other, []byte(c.other))
			require.NoError(t, err)
			if c.queued {
				for r.monitor.poller.next(0) {
				}
			}
			for thread.next(0) {
			}
			assert.Equal(t, []string{"/first", "/other", "/again"}, order)
			assert.Equal(t, nobody, first.own.at())
		})
	}
}

// connectPolled is connect for a connection of which epoll tells.
func connectPolled(t *testing.T, r *Reactor) (c *conn, client int) {
	t.Helper()
	c, client = connect(t, r)
	event := c.event()
	require.NoError(t, unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, c.fd, &event))
	for r.monitor.poller.next(0) { // it can be written to
	}
	return c, client
}

func TestWhatComesWhileALargeAnswerGoesOutIsNotOverlooked(t *testing.T) {
	served := 0
	r := newTestReactor(t, func(w httpserver.ResponseWriter, _ *httpserver.Request) {
		if served++; served == 1 {
			assert.NoError(t, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 4 << 20}))
			assert.NoError(t, w.Write(make([]byte, 4<<20)))
			return
		}
		assert.NoError(t, w.WriteHead(&httpserver.Head{Status: 204, NoContent: true}))
	}, Options{})
	r.pool.size = 1
	thread := theThread(t, r)
	_, client := connectPolled(t, r)
	_, err := unix.Write(client, []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	require.NoError(t, err)
	for r.monitor.poller.next(0) { // the request is queued, and nothing follows it
	}
	for thread.next(0) {
	}
	_, err = unix.Write(client, []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	require.NoError(t, err)
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(patience); served < 2; {
		require.True(t, time.Now().Before(deadline), "the second request lies about")
		for thread.next(0) {
		}
		_, _ = unix.Read(client, buf)
	}
}
