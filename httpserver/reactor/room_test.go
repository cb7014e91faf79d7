//go:build linux

package reactor

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

func TestAtTheLimitTheConnectionThatHasBeenIdleForLongestGivesWay(t *testing.T) {
	served := 0
	r := newTestReactor(t, func(w httpserver.ResponseWriter, _ *httpserver.Request) {
		served++
		assert.NoError(t, w.WriteHead(&httpserver.Head{Status: 204, NoContent: true}))
	}, Options{Limits: httpserver.Limits{MaxConnections: 4}})
	thread := theThread(t, r)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	in, err := r.listen(l)
	require.NoError(t, err)
	defer r.unlisten(in)
	connect := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		r.accept(in, thread)
		for thread.next(0) {
		}
		time.Sleep(time.Millisecond) // by the server's clock, the next one is later
		return c
	}
	closed := func(c net.Conn) bool {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, err := c.Read(make([]byte, 1000))
		return err == io.EOF
	}
	inRequest, unread, older, newer := connect(), connect(), connect(), connect()
	_, err = io.WriteString(inRequest, "GET / HTTP/1.1\r\n")
	require.NoError(t, err)
	_, err = io.WriteString(unread, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") // and nobody has polled yet
	require.NoError(t, err)

	fifth := connect()
	assert.True(t, closed(older))
	assert.Equal(t, int64(4), r.counters.Connections.Load())
	assert.Equal(t, int64(1), r.counters.IdleClosed.Load())
	assert.Equal(t, 1, served, "the request that had not been read")
	for _, c := range []net.Conn{inRequest, newer, fifth} {
		assert.False(t, closed(c))
	}
	assert.Zero(t, r.counters.TooManyConnections.Load())
}

func TestDescriptorsAreKeptForTheApplication(t *testing.T) {
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	defer func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }()
	for files, want := range map[uint64]int{256: 192, 1024: 896, 64: 16} {
		if files > before.Max {
			continue
		}
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: files, Max: before.Max}))
		assert.Equal(t, want, httpserver.MostConnections())
	}
}

func TestConnectionsThatComeTogetherAtTheLimitAllFindRoom(t *testing.T) {
	r := newTestReactor(t, nil, Options{Limits: httpserver.Limits{MaxConnections: 16}})
	var listeners []*listener
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		in, err := r.listen(l)
		require.NoError(t, err)
		defer r.unlisten(in)
		listeners = append(listeners, in)
	}
	var pollers sync.WaitGroup
	var connected atomic.Bool
	for i := range 4 {
		p := r.newPoller(-1)
		pollers.Go(func() {
			for last := false; !last; {
				last = connected.Load()
				for r.accept(listeners[i%2], p) {
				}
			}
		})
	}
	for i := range 2000 {
		c, err := net.Dial("tcp", listeners[i%2].l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
	}
	connected.Store(true)
	pollers.Wait()
	assert.LessOrEqual(t, r.counters.Connections.Load(), int64(16))
	assert.Zero(t, r.counters.TooManyConnections.Load(), "all were idle")
}
