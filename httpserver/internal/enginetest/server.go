package enginetest

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// patience is how long a test waits for what must happen before it fails instead of hanging.
const patience = 20 * time.Second

// short is a time-out for what must end by itself.
const short = 100 * time.Millisecond

// handler is a Handler of one function.
type handler func(w httpserver.ResponseWriter, r *httpserver.Request)

// Serve implements httpserver.Handler.
func (h handler) Serve(_ int, w httpserver.ResponseWriter, r *httpserver.Request) { h(w, r) }

// text answers with 200 and content.
func text(content string) handler {
	return func(w httpserver.ResponseWriter, r *httpserver.Request) { answer(w, r, content) }
}

func answer(w httpserver.ResponseWriter, r *httpserver.Request, content string) {
	head := &httpserver.Head{Status: 200, Reason: "OK", ContentLength: int64(len(content)), NoContent: string(r.Method) == "HEAD"}
	_ = w.WriteHead(head)
	if !head.NoContent {
		_ = w.Write([]byte(content))
	}
}

// chunkedHead is a head for content of unknown length.
func chunkedHead() *httpserver.Head {
	return &httpserver.Head{Status: 200, Reason: "OK", ContentLength: -1}
}

// server is an engine at work.
type server struct {
	*suite
	Running
	network, addr string
	log           *logBuffer
	served        chan error
	row           *scoreboard.Worker
	stopped       func()
}

// start serves h until the test ends.
func (s *suite) start(h httpserver.Handler, o Options) *server {
	s.Helper()
	srv := &server{suite: s, log: &logBuffer{}, served: make(chan error, 1)}
	o.Log = slog.New(slog.NewTextHandler(srv.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Threads, o.Queue = cmp.Or(o.Threads, 2), cmp.Or(o.Queue, 100)
	srv.row = scoreboard.Private(o.Threads)
	o.Row = srv.row
	bind := "127.0.0.1:0"
	if s.network == "unix" {
		bind = "unix:" + filepath.Join(s.socketFolder(), "s")
	}
	l, err := httpserver.Listen(bind)
	require.NoError(s, err)
	srv.network, srv.addr = l.Addr().Network(), l.Addr().String()
	srv.Running, err = s.engine.New(h, o)
	require.NoError(s, err)
	var threads sync.WaitGroup
	for i := range o.Threads {
		threads.Go(func() {
			runtime.LockOSThread()
			srv.Threads.Work(i, nil)
		})
	}
	go func() { srv.served <- srv.Engine.Serve(l) }()
	srv.stopped = sync.OnceFunc(func() {
		assert.NoError(s, srv.Engine.Close())
		srv.Threads.Close()
		threads.Wait()
		assert.NoError(s, <-srv.served)
	})
	s.Cleanup(func() {
		if g, ok := h.(*gate); ok {
			g.open()
		}
		srv.stopped()
		if s.Failed() {
			s.Log(srv.log)
		}
	})
	return srv
}

// socketFolder is a folder with a name that is short enough for a socket.
func (s *suite) socketFolder() string {
	folder, err := os.MkdirTemp("", "ps")
	require.NoError(s, err)
	s.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// shutdown drains, and fails if that takes too long.
func (srv *server) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	assert.NoError(srv, srv.Engine.Shutdown(ctx))
}

// counted waits until a counter has a value, if the engine has it.
func (srv *server) counted(name string, value int64) {
	srv.Helper()
	if !slices.Contains(srv.engine.Uncounted, name) {
		srv.eventually(func() bool { return srv.count(name) == value }, "%s is not %d", name, value)
	}
}

// count returns a counter.
func (srv *server) count(name string) int64 {
	stats := srv.row.Stats()
	return stats.Value(name)
}

// limited waits until the counter of a limit has a value, and expects the line in the log that goes with it.
func (srv *server) limited(counter string, value int64, line string) {
	srv.Helper()
	srv.counted(counter, value)
	if !slices.Contains(srv.engine.Uncounted, counter) {
		srv.eventually(func() bool { return strings.Contains(srv.log.String(), line) }, "nothing in the log: %s", line)
	}
}

// gate is a handler that waits in the middle.
type gate struct {
	entered chan string // a request's target
	proceed chan struct{}
	open    func() // lets everybody through
	then    handler
}

func newGate(then handler) *gate {
	g := &gate{entered: make(chan string, 1000), proceed: make(chan struct{}), then: then}
	g.open = sync.OnceFunc(func() { close(g.proceed) })
	return g
}

// Serve implements httpserver.Handler. Only targets that begin with /wait wait.
func (g *gate) Serve(_ int, w httpserver.ResponseWriter, r *httpserver.Request) {
	if bytes.HasPrefix(r.Target, []byte("/wait")) {
		g.entered <- string(r.Target)
		<-g.proceed
	}
	g.then(w, r)
}

// wait receives from c.
func wait[T any](s *suite, c <-chan T) T {
	s.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		require.FailNow(s, "it never happened")
		panic("unreachable")
	}
}

// eventually waits until something is so, and reports whether it is.
func (s *suite) eventually(so func() bool, message string, values ...any) bool {
	s.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return assert.Fail(s, "it never happened", append([]any{message}, values...)...)
		}
	}
	return true
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// tempFile makes an open file with the given content.
func (s *suite) tempFile(content []byte) *os.File {
	s.Helper()
	path := filepath.Join(s.TempDir(), "file")
	require.NoError(s, os.WriteFile(path, content, 0o600))
	f, err := os.Open(path)
	require.NoError(s, err)
	return f
}

// pattern is n bytes in which no piece is like another.
func pattern(n int) []byte {
	p := make([]byte, n)
	state := uint32(1)
	for i := range p {
		state = state*1664525 + 1013904223
		p[i] = byte(state >> 24)
	}
	return p
}
