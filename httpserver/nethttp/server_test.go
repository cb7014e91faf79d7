package nethttp

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

func TestShutdownLetsARunningRequestFinish(t *testing.T) {
	h := newGated()
	ts := start(t, h, setup{})
	c := h.begin(ts, "/")
	stopped := make(chan error, 1)
	go func() { stopped <- ts.Shutdown(within(t)) }()
	err := wait(t, ts.served)
	ts.served <- err
	assert.NoError(t, err, "Serve returns when the server stops accepting")
	assert.Empty(t, stopped, "but the request still runs")
	close(h.proceed)
	res, content := receive(t, bufio.NewReader(c), "GET")
	assert.Equal(t, "ok", content)
	assert.True(t, res.Close)
	assert.NoError(t, wait(t, stopped))
}

func TestShutdownGivesUpWhenItsTimeIsOver(t *testing.T) {
	h := newGated()
	ts := start(t, h, setup{})
	c := h.begin(ts, "/")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, ts.Shutdown(ctx), context.Canceled)
	require.NoError(t, ts.Close())
	_, err := c.Read(make([]byte, 1))
	assert.Error(t, err, "Close does not wait")
	close(h.proceed)
}

func TestShutdownClosesConnectionsOnWhichNothingRuns(t *testing.T) {
	ts := start(t, text("ok"), setup{})
	idle, fresh, slow := ts.dial(), ts.dial(), ts.dial()
	send(t, idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	receive(t, bufio.NewReader(idle), "GET")
	send(t, slow, "GET / HT")
	require.Eventually(t, func() bool {
		ts.conns.mu.Lock()
		defer ts.conns.mu.Unlock()
		return len(ts.conns.fresh) == 2
	}, patience, time.Millisecond)
	require.NoError(t, ts.Shutdown(within(t)))
	for _, c := range []io.Reader{idle, fresh, slow} {
		n, err := c.Read(make([]byte, 1))
		assert.Zero(t, n)
		assert.Error(t, err)
	}
}

func TestAServerServesSeveralListeners(t *testing.T) {
	ts := start(t, text("ok"), setup{})
	path := socketPath(t)
	second := mustListen(t, "unix:"+path)
	served := make(chan error, 1)
	go func() { served <- ts.Serve(second) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + ts.addr)
	require.NoError(t, err)
	res.Body.Close()
	ts.network, ts.addr = "unix", path
	assert.Contains(t, ts.exchange("GET / HTTP/1.0\r\n\r\n"), "200 OK")
	require.NoError(t, ts.Shutdown(within(t)))
	assert.NoError(t, wait(t, served))
	assert.NoFileExists(t, path, "the socket is gone")
	assert.NoError(t, ts.Serve(mustListen(t, "127.0.0.1:0")), "Serve after Shutdown returns at once")
}

func TestServeReturnsTheListenersFailure(t *testing.T) {
	ts := start(t, text("ok"), setup{})
	l := mustListen(t, "127.0.0.1:0")
	require.NoError(t, l.Close())
	assert.Error(t, ts.Serve(l))
}

func TestTheHeadOfARequestIsLimited(t *testing.T) {
	ts := start(t, text("ok"), setup{Options: httpserver.Options{MaxHeaderBytes: 1000}})
	c := ts.dial()
	send(t, c, "GET / HTTP/1.1\r\nHost: a\r\nX-A: "+strings.Repeat("x", 20_000))
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(got), "HTTP/1.1 431 "), string(got))
}

func TestMalformedRequestsAreRefusedByNetHTTP(t *testing.T) {
	ts := start(t, text("ok"), setup{})
	for name, request := range map[string]string{
		"no HTTP":           "hello\r\n\r\n",
		"no host":           "GET / HTTP/1.1\r\n\r\n",
		"space in a name":   "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
		"two lengths":       post("Content-Length: 1\r\nContent-Length: 2\r\n", "xy"),
		"a length of signs": post("Content-Length: +1\r\n", "x"),
	} {
		t.Run(name, func(t *testing.T) {
			assert.True(t, strings.HasPrefix(ts.exchange(request), "HTTP/1.1 400 Bad Request"))
		})
	}
}

func TestSlowAndIdleClientsAreDisconnected(t *testing.T) {
	ts := start(t, text("ok"), setup{Options: httpserver.Options{HeaderTimeout: time.Millisecond, IdleTimeout: time.Millisecond}})
	idle, slow := ts.dial(), ts.dial()
	send(t, slow, "GET / HT")
	got, err := io.ReadAll(slow)
	assert.NoError(t, err)
	assert.NotContains(t, string(got), "200") // net/http answers 400 to half a line
	got, err = io.ReadAll(idle)
	assert.NoError(t, err)
	assert.Empty(t, string(got))
}

func TestTheMessagesOfNetHTTPGoToTheLog(t *testing.T) {
	var out bytes.Buffer
	l := errorLog{slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	_, _ = l.Write([]byte("http: Accept error: too many open files\n"))
	_, _ = l.Write([]byte("http: TLS handshake error from 192.0.2.1: EOF\n"))
	assert.Contains(t, out.String(), `level=WARN msg="Accept error: too many open files"`)
	assert.Contains(t, out.String(), `level=DEBUG msg="TLS handshake error`)
}

// fdWatcher notes which descriptors are open, and complains about those that are not what they should be.
type fdWatcher struct {
	t      *testing.T
	mu     sync.Mutex
	open   map[int]bool
	opened int
	empty  chan struct{} // closed when all that were opened have been closed
}

func (w *fdWatcher) Opened(fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	assert.False(w.t, w.open[fd])
	assert.True(w.t, isSocket(fd), "it is open")
	w.open[fd] = true
	w.opened++
}

func (w *fdWatcher) Closed(fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	assert.True(w.t, w.open[fd])
	assert.True(w.t, isSocket(fd), "it is not closed yet")
	delete(w.open, fd)
	if len(w.open) == 0 {
		close(w.empty)
	}
}

func TestTheWatcherKnowsEveryDescriptor(t *testing.T) {
	for _, bind := range []string{"127.0.0.1:0", "unix:" + socketPath(t)} {
		t.Run(strings.Split(bind, ":")[0], func(t *testing.T) {
			w := &fdWatcher{t: t, open: map[int]bool{}, empty: make(chan struct{})}
			ts := start(t, text("ok"), setup{bind: bind, Options: httpserver.Options{Descriptors: w}})
			for range 3 {
				c := ts.dial()
				send(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				receive(t, bufio.NewReader(c), "GET")
			}
			w.mu.Lock()
			assert.Equal(t, 4, w.opened, "the listener and three connections")
			w.mu.Unlock()
			require.NoError(t, ts.Shutdown(within(t)))
			wait(t, w.empty)
		})
	}
}

func TestWatchedConnectionsCanStillSendFiles(t *testing.T) {
	w := &fdWatcher{t: t, open: map[int]bool{}, empty: make(chan struct{})}
	l := watchListener(mustListen(t, "127.0.0.1:0"), w)
	defer l.Close()
	ts := &testServer{t: t, network: "tcp", addr: l.Addr().String()}
	ts.dial()
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	assert.Implements(t, (*io.ReaderFrom)(nil), c)
	assert.Implements(t, (*interface{ CloseWrite() error })(nil), c)
}

func TestAClientOfGoSeesWhatTheHandlerSent(t *testing.T) {
	ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		content, _ := io.ReadAll(r.Body)
		answer(w, strings.ToUpper(string(content)))
	}), setup{threads: 4})
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				res, err := client.Post("http://"+ts.addr+"/", "text/plain", strings.NewReader("abc"))
				if !assert.NoError(t, err) {
					return
				}
				content, err := io.ReadAll(res.Body)
				res.Body.Close()
				assert.NoError(t, err)
				assert.Equal(t, "ABC", string(content))
			}
		})
	}
	all.Wait()
}

// isSocket reports whether fd is an open socket.
func isSocket(fd int) bool {
	_, err := syscall.Getsockname(fd)
	return err == nil
}

// lateListener is a listener whose Accept notices that it is closed only when that is done for the second time.
type lateListener struct {
	net.Listener
	closed             atomic.Int32
	accepting, proceed chan struct{}
}

func (l *lateListener) Accept() (net.Conn, error) {
	close(l.accepting)
	c, err := l.Listener.Accept()
	<-l.proceed
	return c, err
}

func (l *lateListener) Close() error {
	if l.closed.Add(1) == 2 {
		close(l.proceed)
	}
	return l.Listener.Close()
}

func TestShutdownAfterDrainDoesNotMindThatTheListenersAreClosed(t *testing.T) {
	for name, stop := range map[string]func(s *Server) error{
		"Shutdown": func(s *Server) error { return s.Shutdown(within(t)) },
		"Close":    (*Server).Close,
	} {
		t.Run(name, func(t *testing.T) {
			s := NewServer(text("ok"), oneThread(t), httpserver.Options{}, httpserver.Limits{})
			l := &lateListener{Listener: mustListen(t, "127.0.0.1:0"), accepting: make(chan struct{}), proceed: make(chan struct{})}
			served := make(chan error, 1)
			go func() { served <- s.Serve(l) }()
			<-l.accepting
			over, cancel := context.WithCancel(t.Context())
			cancel()
			s.Drain(over)
			assert.NoError(t, stop(s))
			assert.NoError(t, wait(t, served))
		})
	}
}

// slowListener is a listener whose Accept returns its first connection only when the listener has been closed.
type slowListener struct {
	net.Listener
	accepted, closed chan struct{}
	closing          sync.Once
}

func (l *slowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		close(l.accepted)
		<-l.closed
	}
	return c, err
}

func (l *slowListener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func TestADrainWaitsForAConnectionThatHasJustBeenAccepted(t *testing.T) {
	for name, stop := range map[string]func(s *Server){
		"Drain": func(s *Server) { s.Drain(within(t)); assert.NoError(t, s.Shutdown(within(t))) },
		// A request that has come is read: the connection is not taken for an idle one.
		"Shutdown": func(s *Server) { assert.NoError(t, s.Shutdown(within(t))) },
	} {
		t.Run(name, func(t *testing.T) {
			s := NewServer(text("ok"), oneThread(t), httpserver.Options{}, httpserver.Limits{})
			l := &slowListener{Listener: mustListen(t, "127.0.0.1:0"), accepted: make(chan struct{}), closed: make(chan struct{})}
			served := make(chan error, 1)
			go func() { served <- s.Serve(l) }()
			client, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer client.Close()
			<-l.accepted
			_, err = client.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
			require.NoError(t, err)
			stop(s)
			answer, err := io.ReadAll(client)
			require.NoError(t, err)
			assert.Contains(t, string(answer), "200 OK")
			assert.NoError(t, wait(t, served))
		})
	}
}
