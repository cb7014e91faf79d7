//go:build linux

package reactor

import (
	"io"
	"log/slog"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

// patience is how long a test waits for what must happen before it fails instead of hanging.
const patience = 20 * time.Second

type handlerFunc func(w httpserver.ResponseWriter, r *httpserver.Request)

func (f handlerFunc) Serve(_ int, w httpserver.ResponseWriter, r *httpserver.Request) { f(w, r) }

// newTestReactor returns a reactor that nobody works for.
func newTestReactor(t testing.TB, h handlerFunc, o Options, server ...httpserver.Options) *Reactor {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	r, err := New(1, o)
	require.NoError(t, err)
	r.handler = h
	for _, o := range server {
		r.http = o.WithDefaults()
	}
	r.pool.size = 0
	t.Cleanup(r.Close)
	return r
}

// runPool does what lies in the pool, for which a reactor of newTestReactor has no goroutines.
func runPool(r *Reactor) {
	p := r.pool.newPoller()
	for r.pool.jobs.len() > 0 {
		p.doJob(r.pool.jobs.pop())
	}
}

// connect returns a connection of r's, and the client's end of it.
func connect(t testing.TB, r *Reactor) (c *conn, client int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(pair[1]) })
	c = &conn{r: r, transport: transport{fd: pair[0]}}
	require.True(t, r.table.add(c))
	r.counters.Connections.Add(1)
	return c, pair[1]
}

// theThread makes the caller the only thread of r.
func theThread(t testing.TB, r *Reactor) *poller {
	t.Helper()
	require.True(t, r.sched.join(0))
	return r.threads[0]
}

func TestAConnectionHasOneOwnerAndNoEventIsLost(t *testing.T) {
	c := &conn{}
	handled := 0 // belongs to the owner: the race detector watches
	var pending atomic.Int64
	event := func() {
		pending.Add(1)
		c.bits.Or(unix.EPOLLIN)
		if !c.own.claim() {
			return
		}
		for {
			runtime.Gosched()
			if c.bits.Swap(0) != 0 {
				handled++
				pending.Store(0)
			}
			runtime.Gosched()
			if c.own.release() {
				return
			}
		}
	}
	for range 5000 {
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(event)
		}
		workers.Wait()
		require.Zero(t, pending.Load(), "an event was seen by nobody")
		require.Equal(t, nobody, c.own.at())
	}
	assert.GreaterOrEqual(t, handled, 5000)
}

func TestAnEventForAnOldConnectionIsNotTakenForTheNew(t *testing.T) {
	r := newTestReactor(t, nil, Options{})
	old, _ := connect(t, r)
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(old.fd), Pad: int32(old.generation)}
	r.table.remove(old)
	again := &conn{r: r, transport: transport{fd: old.fd}}
	require.True(t, r.table.add(again))
	require.True(t, again.own.claim())
	r.newPoller(-1).handleEvent(event)
	assert.Zero(t, again.bits.Load())
	assert.Equal(t, uint32(aPoller), again.own.word.Load(), "it would be marked")
	assert.NotEqual(t, old.generation, again.generation)
}

func TestTheTableFindsConnectionsAndLeavesTheNewOneAlone(t *testing.T) {
	var table table
	low, high, tooHigh := &conn{transport: transport{fd: 3}}, &conn{transport: transport{fd: 5 * chunkSize}}, &conn{transport: transport{fd: maxDescriptors}}
	assert.True(t, table.add(low))
	assert.True(t, table.add(high))
	assert.False(t, table.add(tooHigh))
	assert.Same(t, low, table.conn(3))
	assert.Same(t, high, table.conn(5*chunkSize))
	assert.Nil(t, table.conn(4*chunkSize))
	next := &conn{transport: transport{fd: 3}}
	assert.True(t, table.add(next))
	table.remove(low)
	assert.Same(t, next, table.conn(3))
	var all []*conn
	table.each(func(c *conn) { all = append(all, c) })
	assert.Equal(t, []*conn{next, high}, all)
}

func TestNoConnectionHasTheGenerationOfListeners(t *testing.T) {
	var table table
	table.generation.Store(math.MaxUint32 - 1)
	for fd := range 3 {
		c := &conn{transport: transport{fd: fd}}
		require.True(t, table.add(c))
		assert.NotEqual(t, uint32(listenerGeneration), c.generation)
	}
}

func TestWaitingForAClientSurvivesSignals(t *testing.T) {
	r := newTestReactor(t, nil, Options{})
	c, client := connect(t, r)
	thread, done := make(chan int), make(chan error)
	go func() {
		runtime.LockOSThread()
		thread <- unix.Gettid()
		done <- c.await(unix.POLLIN, patience)
	}()
	tid := <-thread
	for range 200 {
		require.NoError(t, unix.Tgkill(os.Getpid(), tid, unix.SIGURG)) // Go's own: no handler is called
		runtime.Gosched()
	}
	select {
	case err := <-done:
		require.Fail(t, "it did not wait", "%v", err)
	default:
	}
	_, err := unix.Write(client, []byte("x"))
	require.NoError(t, err)
	assert.NoError(t, <-done)
	assert.ErrorIs(t, (&conn{transport: transport{fd: c.fd}}).await(unix.POLLPRI, time.Millisecond), os.ErrDeadlineExceeded)
}

func TestAResponseSurvivesPartialWrites(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 20000)
	pieces := map[string]int{"at once": 1, "in pieces": 37, "in many pieces": 5000}
	for name, n := range pieces {
		for _, framing := range []string{"a length", "chunks"} {
			t.Run(name+" with "+framing, func(t *testing.T) {
				r := newTestReactor(t, func(w httpserver.ResponseWriter, _ *httpserver.Request) {
					head := &httpserver.Head{Status: 200, Reason: "OK", ContentLength: int64(len(content))}
					if framing == "chunks" {
						head.ContentLength = -1
					}
					assert.NoError(t, w.WriteHead(head))
					for i := range n {
						assert.NoError(t, w.Write([]byte(content[len(content)*i/n:len(content)*(i+1)/n])))
					}
				}, Options{})
				c, client := connect(t, r)
				require.NoError(t, unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1))
				p := theThread(t, r)
				unix.Write(client, []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
				require.True(t, c.own.claim())
				p.advance(c)
				assert.Equal(t, phaseFlush, c.phase)
				got := receiveAll(t, p, c, client)
				assert.Equal(t, phaseHead, c.phase)
				if framing == "chunks" {
					assert.True(t, strings.HasSuffix(got, "\r\n0\r\n\r\n"))
				} else {
					_, body, _ := strings.Cut(got, "\r\n\r\n")
					assert.True(t, body == content)
				}
			})
		}
	}
}

// receiveAll reads from client, and drives as epoll would, until w waits for the next request or ends the
// connection.
func receiveAll(t *testing.T, p *poller, c *conn, client int) string {
	t.Helper()
	var got strings.Builder
	buffer := make([]byte, 1500)
	for {
		n, err := unix.Read(client, buffer)
		if err == unix.EAGAIN && c.phase != phaseFlush || err == nil && n == 0 {
			return got.String()
		}
		if err != unix.EAGAIN {
			require.NoError(t, err)
		}
		got.Write(buffer[:max(n, 0)])
		if c.own.claim() {
			p.advance(c)
			runPool(c.r)
		}
	}
}

func TestARefusalThatTheSocketHasNoRoomForIsReadAllTheSame(t *testing.T) {
	r := newTestReactor(t, nil, Options{})
	c, client := connect(t, r)
	p := theThread(t, r)
	for {
		if n, _ := c.write(make([]byte, 1000)); n == 0 {
			break
		}
	}
	unix.Write(client, []byte("no HTTP\r\n"))
	require.True(t, c.own.claim())
	p.advance(c)
	assert.Equal(t, phaseFlush, c.phase)
	got := receiveAll(t, p, c, client)
	assert.Contains(t, got, "HTTP/1.1 400 Bad Request\r\n")
	assert.True(t, strings.HasSuffix(got, "\r\n\r\nBad Request\n"))
	assert.Equal(t, phaseLinger, c.phase)
}

func TestContentThatComesFastIsTakenInTurns(t *testing.T) {
	content := strings.Repeat("x", 100000)
	served := false
	r := newTestReactor(t, func(w httpserver.ResponseWriter, r *httpserver.Request) {
		served = true
		assert.Equal(t, int64(len(content)), r.ContentLength)
		_ = w.WriteHead(&httpserver.Head{Status: 204, NoContent: true})
	}, Options{})
	c, client := connect(t, r)
	p := theThread(t, r)
	p.scratch.buf = make([]byte, 1000) // so that a turn is not much
	unix.Write(client, []byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"+content))
	require.True(t, c.own.claim())
	p.advance(c)
	assert.False(t, served, "it was taken in at once")
	assert.Equal(t, nobody, c.own.at())
	for p.r.queue.size() > 0 {
		p.next(0)
	}
	assert.True(t, served)
}

func TestTheConnectionLingersWhenContentWasNotRead(t *testing.T) {
	r := newTestReactor(t, func(w httpserver.ResponseWriter, r *httpserver.Request) {
		_ = w.WriteHead(&httpserver.Head{Status: 204, NoContent: true})
	}, Options{}, httpserver.Options{StreamRequests: true})
	c, client := connect(t, r)
	p := theThread(t, r)
	unix.Write(client, []byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"))
	require.True(t, c.own.claim())
	p.advance(c)
	assert.Equal(t, phaseLinger, c.phase)
	unix.Write(client, make([]byte, 1000))
	require.NoError(t, unix.Shutdown(client, unix.SHUT_WR))
	require.True(t, c.own.claim())
	p.advance(c)
	assert.Equal(t, phaseClosed, c.phase)
}

func TestWritingToAClientThatIsGoneIsAnError(t *testing.T) {
	r := newTestReactor(t, func(w httpserver.ResponseWriter, _ *httpserver.Request) {
		assert.NoError(t, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: -1}))
		err := w.Write([]byte("x"))
		assert.ErrorIs(t, err, httpserver.ErrDisconnected)
		assert.ErrorIs(t, err, unix.EPIPE)
		assert.ErrorIs(t, w.Write([]byte("x")), httpserver.ErrDisconnected)
	}, Options{})
	c, client := connect(t, r)
	p := theThread(t, r)
	unix.Write(client, []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	require.NoError(t, unix.Shutdown(client, unix.SHUT_RDWR))
	require.True(t, c.own.claim())
	p.advance(c)
	assert.Equal(t, phaseClosed, c.phase)
	assert.Zero(t, r.counters.Connections.Load())
}

func TestARequestInTheLoopAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	log, err := httpserver.NewAccessLog(io.Discard, "combined", nil)
	require.NoError(t, err)
	fields := []httpserver.HeaderField{{Name: "Content-Type", Value: "text/plain"}}
	content, large := []byte("Hello, world!\n"), make([]byte, 20000)
	for name, test := range map[string]struct {
		handler handlerFunc
		request string
		log     *httpserver.AccessLog
	}{
		"a fixed response":      {fixed(fields, content), "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\n\r\n", nil},
		"with an access log":    {fixed(fields, content), "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\n\r\n", log},
		"content that is there": {fixed(fields, content), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", nil},
		"a larger response":     {fixed(fields, large), "GET / HTTP/1.1\r\nHost: a\r\n\r\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestReactor(t, test.handler, Options{}, httpserver.Options{AccessLog: test.log})
			c, client := connect(t, r)
			p := theThread(t, r)
			request, answer := []byte(test.request), make([]byte, 32<<10)
			event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(c.fd), Pad: int32(c.generation)}
			events := []unix.EpollEvent{event}
			one := func() {
				unix.Write(client, request)
				r.queue.pushEvents(events)
				for p.next(0) {
				}
				if n, err := unix.Read(client, answer); err != nil || n < 50 {
					t.Fatal("no answer", n, err)
				}
			}
			// Ids and the Date field are made for many requests at once: that rounds down to none.
			assert.Zero(t, testing.AllocsPerRun(10000, one))
		})
	}
}

// fixed answers with the same every time.
func fixed(fields []httpserver.HeaderField, content []byte) handlerFunc {
	head := &httpserver.Head{Status: 200, Reason: "OK", Fields: fields, ContentLength: int64(len(content))}
	return func(w httpserver.ResponseWriter, _ *httpserver.Request) {
		_ = w.WriteHead(head)
		_ = w.Write(content)
	}
}
