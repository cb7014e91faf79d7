package progress

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/nethttp"
)

// engine makes an engine for h with that many threads.
type engine func(t *testing.T, h httpserver.Handler, threads int) (httpserver.Engine, httpserver.Threads)

// engines are what every test here runs with.
var engines = map[string]engine{"net/http": func(_ *testing.T, h httpserver.Handler, _ int) (httpserver.Engine, httpserver.Threads) {
	d := nethttp.NewDispatcher(10)
	return nethttp.NewServer(h, d, httpserver.Options{StreamRequests: true}, httpserver.Limits{}), d
}}

// patience is how long a test waits for what must happen before it fails instead of hanging.
const patience = 20 * time.Second

// site is a server with an application that waits wherever a test wants it to.
type site struct {
	*testing.T
	h       *Handler
	addr    string
	entered chan struct{} // a request is in the application, and waits there
	proceed chan struct{}
}

// wait is where the application waits.
func (s *site) wait() {
	s.entered <- struct{}{}
	<-s.proceed
}

// onEngines runs test with each engine and one thread, and with what application makes of the site.
func onEngines(t *testing.T, application func(s *site) application, test func(s *site)) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			s := &site{T: t, entered: make(chan struct{}, 10), proceed: make(chan struct{}, 10)}
			s.h = NewHandler(application(s), newRow(t, 1))
			s.start(engine)
			test(s)
		})
	}
}

func (s *site) start(engine engine) {
	l, err := httpserver.Listen("127.0.0.1:0")
	require.NoError(s, err)
	s.addr = l.Addr().String()
	e, threads := engine(s.T, s.h, 1)
	var ends sync.WaitGroup
	ends.Go(func() {
		runtime.LockOSThread()
		threads.Work(0, nil)
	})
	served := make(chan error, 1)
	go func() { served <- e.Serve(l) }()
	s.Cleanup(func() {
		close(s.proceed)
		assert.NoError(s, e.Close())
		threads.Close()
		ends.Wait()
		assert.NoError(s, <-served)
	})
}

// conn is a client's connection.
type conn struct {
	net.Conn
	*bufio.Reader
	s *site
}

// Read reads what Reader has first.
func (c *conn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// dial connects and sends.
func (s *site) dial(request string) *conn {
	s.Helper()
	c, err := net.Dial("tcp", s.addr)
	require.NoError(s, err)
	s.Cleanup(func() { c.Close() })
	require.NoError(s, c.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(c, request)
	require.NoError(s, err)
	return &conn{c, bufio.NewReader(c), s}
}

// response reads one, without its content.
func (c *conn) response(method string) *http.Response {
	c.s.Helper()
	response, err := http.ReadResponse(c.Reader, &http.Request{Method: method})
	require.NoError(c.s, err)
	return response
}

// gatewayTimeout reads a 504 and nothing more.
func (c *conn) gatewayTimeout(method string) {
	c.s.Helper()
	r := c.response(method)
	text, err := io.ReadAll(r.Body)
	require.NoError(c.s, err)
	assert.Equal(c.s, 504, r.StatusCode)
	assert.True(c.s, r.Close, "Connection: close")
	assert.EqualValues(c.s, 16, r.ContentLength)
	if method == "HEAD" {
		assert.Empty(c.s, text)
	} else {
		assert.Equal(c.s, "Gateway Timeout\n", string(text))
	}
}

// ends reads the connection to its end.
func (c *conn) ends() (rest string) {
	c.s.Helper()
	b, _ := io.ReadAll(c.Reader)
	return string(b)
}

func get(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n" }

// sometimes is an application that waits if the target is /wait, and then answers.
func sometimes(s *site) application {
	return func(w httpserver.ResponseWriter, r *httpserver.Request) {
		if string(r.Target) == "/wait" {
			s.wait()
		}
		_ = w.WriteHead(&httpserver.Head{Status: 200, Reason: "OK", ContentLength: 2})
		if w.Write([]byte("ok")) != nil {
			w.Abort()
		}
	}
}

func TestThe504ReachesTheClientWhileTheThreadIsStillAway(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		onEngines(t, sometimes, func(s *site) {
			s.dial(get("/")).response("GET")
			c := s.dial(method + " /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
			<-s.entered
			assert.Equal(t, answered, expireNow(s.T, s.h, 0))
			c.gatewayTimeout(method)
			s.proceed <- struct{}{}
			assert.Empty(s, c.ends())
			assert.Equal(s, 200, s.dial(get("/")).response("GET").StatusCode, "the thread goes on")
		})
	}
}

// A ResponseWriter has no way to send a head alone before the request's end.
func TestThe504ToAHEADComesWhenTheThreadIsBack(t *testing.T) {
	onEngines(t, sometimes, func(s *site) {
		c := s.dial("HEAD /wait HTTP/1.1\r\nHost: x\r\n\r\n")
		<-s.entered
		assert.Equal(t, answered, expireNow(s.T, s.h, 0))
		s.proceed <- struct{}{}
		c.gatewayTimeout("HEAD")
		assert.Empty(s, c.ends())
	})
}

func TestTheWatchdogAnswersForAThreadThatIsAway(t *testing.T) {
	onEngines(t, sometimes, func(s *site) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		log := &logLines{}
		interrupted := make(chan uint64, 10)
		go s.h.Watch(ctx, Options{Timeout: 50 * time.Millisecond, Log: log.logger(),
			Running:   func(int) uint64 { return 7 },
			Interrupt: func(_ context.Context, running uint64) error { interrupted <- running; return nil },
		})
		c := s.dial(get("/wait"))
		c.gatewayTimeout("GET")
		assert.EqualValues(s, 7, <-interrupted)
		s.proceed <- struct{}{}
		assert.Empty(s, c.ends())
		require.Len(s, log.lines(), 1)
		assert.Contains(s, log.lines()[0], "target=/wait")
	})
}

func TestAnAnswerThatHadBegunBreaksOff(t *testing.T) {
	onEngines(t, func(s *site) application {
		return func(w httpserver.ResponseWriter, r *httpserver.Request) {
			assert.NoError(s, w.WriteHead(okHead))
			assert.NoError(s, w.Write([]byte("part")))
			s.wait()
			assert.ErrorIs(s, w.Write([]byte("more")), ErrTimedOut)
		}
	}, func(s *site) {
		c := s.dial(get("/"))
		<-s.entered
		response := c.response("GET")
		assert.Equal(s, aborted, expireNow(s.T, s.h, 0))
		s.proceed <- struct{}{}
		text, err := io.ReadAll(response.Body)
		assert.ErrorIs(s, err, io.ErrUnexpectedEOF, "the client sees that it is not whole")
		assert.Equal(s, "part", string(text))
	})
}

func TestContentThatIsStillComingIsNoHindrance(t *testing.T) {
	onEngines(t, func(s *site) application {
		return func(w httpserver.ResponseWriter, r *httpserver.Request) {
			_, err := io.ReadFull(r.Body, make([]byte, 3))
			assert.NoError(s, err)
			s.wait()
			_, err = r.Body.Read(make([]byte, 1))
			assert.ErrorIs(s, err, ErrTimedOut)
		}
	}, func(s *site) {
		c := s.dial("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
		<-s.entered
		assert.Equal(s, answered, expireNow(s.T, s.h, 0))
		c.gatewayTimeout("POST")
		s.proceed <- struct{}{}
		require.NoError(s, c.Conn.(*net.TCPConn).CloseWrite())
		assert.Empty(s, c.ends())
	})
}

func TestAClientThatDoesNotReadIsNotTheApplicationsFault(t *testing.T) {
	much := strings.Repeat("x", 32<<20)
	onEngines(t, func(s *site) application {
		return func(w httpserver.ResponseWriter, r *httpserver.Request) {
			assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 200, Reason: "OK", ContentLength: int64(len(much))}))
			s.wait()
			assert.NoError(s, w.Write([]byte(much)))
		}
	}, func(s *site) {
		c := s.dial(get("/"))
		<-s.entered
		s.proceed <- struct{}{}
		for !s.h.sends(0) {
			runtime.Gosched()
		}
		assert.Equal(s, waiting, expireNow(s.T, s.h, 0))
		text, err := io.ReadAll(c.response("GET").Body)
		assert.NoError(s, err)
		assert.Len(s, text, len(much))
	})
}
