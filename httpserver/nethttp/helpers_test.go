package nethttp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

// patience is how long a test waits for what must happen before it fails instead of hanging.
const patience = 20 * time.Second

// serveFunc is a Handler of one function.
type serveFunc func(w httpserver.ResponseWriter, r *httpserver.Request)

func (f serveFunc) Serve(_ int, w httpserver.ResponseWriter, r *httpserver.Request) { f(w, r) }

// text answers with status 200 and content of known length.
func text(content string) serveFunc {
	return func(w httpserver.ResponseWriter, r *httpserver.Request) { answer(w, content) }
}

func answer(w httpserver.ResponseWriter, content string) {
	_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: int64(len(content))})
	_ = w.Write([]byte(content))
}

// testServer is a running Server and all that it says.
type testServer struct {
	*Server
	t       *testing.T
	network string
	addr    string
	d       *Dispatcher
	access  chan accessLine
	log     *syncBuffer
	served  chan error
}

// accessLine is a line of the access log in JSON.
type accessLine struct {
	Remote, Method, Target, Proto, Referer string
	Status                                 int
	Bytes                                  int64
	UserAgent                              string `json:"user_agent"`
	RequestID                              string `json:"request_id"`
	QueueUS                                int64  `json:"queue_us"`
	Aborted                                bool
}

type accessWriter chan accessLine

func (w accessWriter) Write(p []byte) (int, error) {
	var l accessLine
	err := json.Unmarshal(p, &l)
	w <- l
	return len(p), err
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// setup is how a test wants its server.
type setup struct {
	httpserver.Options
	bind     string // default 127.0.0.1:0
	threads  int    // default 2
	capacity int    // default 100, -1 for 0
}

// start serves h until the test ends.
func start(t *testing.T, h httpserver.Handler, cfg setup) *testServer {
	t.Helper()
	ts := &testServer{t: t, access: make(chan accessLine, 1000), log: &syncBuffer{}, served: make(chan error, 1)}
	cfg.Log = slog.New(slog.NewTextHandler(ts.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	cfg.AccessLog, err = httpserver.NewAccessLog(accessWriter(ts.access), "json", nil)
	require.NoError(t, err)
	if cfg.bind == "" {
		cfg.bind = "127.0.0.1:0"
	}
	if cfg.threads == 0 {
		cfg.threads = 2
	}
	if cfg.capacity == 0 {
		cfg.capacity = 100
	}
	l := mustListen(t, cfg.bind)
	ts.network, ts.addr = l.Addr().Network(), l.Addr().String()
	ts.d = NewDispatcher(cfg.capacity)
	wait := startThreads(ts.d, cfg.threads)
	ts.Server = NewServer(h, ts.d, cfg.Options, httpserver.Limits{})
	go func() { ts.served <- ts.Serve(l) }()
	t.Cleanup(func() {
		ts.Close()
		ts.d.Close()
		wait()
		assert.NoError(t, <-ts.served)
		if t.Failed() {
			t.Log(ts.log)
		}
	})
	return ts
}

// oneThread returns a Dispatcher with a thread that runs until the test ends.
func oneThread(t *testing.T) *Dispatcher {
	d := NewDispatcher(1)
	wait := startThreads(d, 1)
	t.Cleanup(func() {
		d.Close()
		wait()
	})
	return d
}

// dial opens a connection on which nothing blocks for ever.
func (ts *testServer) dial() net.Conn {
	ts.t.Helper()
	c, err := net.Dial(ts.network, ts.addr)
	require.NoError(ts.t, err)
	require.NoError(ts.t, c.SetDeadline(time.Now().Add(patience)))
	ts.t.Cleanup(func() { c.Close() })
	return c
}

var dateLine = regexp.MustCompile(`Date: [A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT\r\n`)

// exchange sends request as it is and returns all that comes back until the server closes, with the value
// of the Date field replaced.
func (ts *testServer) exchange(request string) string {
	ts.t.Helper()
	return exchangeOn(ts.t, ts.dial(), request)
}

func exchangeOn(t *testing.T, c net.Conn, request string) string {
	t.Helper()
	_, err := io.WriteString(c, request)
	require.NoError(t, err)
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	return withoutDate(string(got))
}

func withoutDate(response string) string {
	return dateLine.ReplaceAllString(response, "Date: D\r\n")
}

// send writes on c.
func send(t *testing.T, c net.Conn, s string) {
	t.Helper()
	_, err := io.WriteString(c, s)
	require.NoError(t, err)
}

// receive reads one response to method from r, its content included.
func receive(t *testing.T, r *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	require.NoError(t, err)
	content, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(content)
}

// nextAccess returns the next line of the access log.
func (ts *testServer) nextAccess() accessLine {
	ts.t.Helper()
	select {
	case l := <-ts.access:
		return l
	case <-time.After(patience):
		require.FailNow(ts.t, "no line in the access log", ts.log.String())
		return accessLine{}
	}
}

// wait receives from c.
func wait[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		require.FailNow(t, "it never happened")
		panic("unreachable")
	}
}

// tempFile makes an open file of its own with the given content.
func tempFile(t *testing.T, content string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	return f
}

// lines joins lines as HTTP does.
func lines(l ...string) string { return strings.Join(l, "\r\n") }

// within is a context that ends when the test has waited long enough.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func mustListen(t *testing.T, bind string) net.Listener {
	t.Helper()
	l, err := httpserver.Listen(bind)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// socketPath returns where a unix socket may be.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ps") // t.TempDir is too long for a socket on some systems
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}
