package progress

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// application is the inner handler.
type application func(w httpserver.ResponseWriter, r *httpserver.Request)

// Serve implements httpserver.Handler.
func (a application) Serve(_ int, w httpserver.ResponseWriter, r *httpserver.Request) { a(w, r) }

// client is the engine's ResponseWriter, which panics when two goroutines come at a time.
type client struct {
	inside atomic.Bool
	events               // what came, and "abort"
	slow   chan struct{} // Write blocks until it is closed; nil: not at all
	panic  bool          // in Write
	sent   *os.File
}

func (c *client) WriteHead(h *httpserver.Head) error {
	defer c.enter()()
	c.note("%d %s, %d bytes, close %t", h.Status, h.Reason, h.ContentLength, h.Close)
	return nil
}

func (c *client) Write(p []byte) error {
	defer c.enter()()
	if c.panic {
		panic("a fault in the engine")
	}
	if c.slow != nil {
		<-c.slow
	}
	c.note("%s", p)
	return nil
}

func (c *client) SendFile(f *os.File, _, n int64) error {
	defer c.enter()()
	c.sent = f
	c.note("a file of %d bytes", n)
	return nil
}

func (c *client) Abort() {
	defer c.enter()()
	c.note("abort")
}

func (c *client) Disconnected() bool {
	defer c.enter()()
	return false
}

func (c *client) enter() (leave func()) {
	if !c.inside.CompareAndSwap(false, true) {
		panic("two goroutines use a ResponseWriter at the same time")
	}
	return func() { c.inside.Store(false) }
}

// gatewayTimeout is what the client gets of a request that has run into its time-out.
var gatewayTimeout = []string{"504 Gateway Timeout, 16 bytes, close true", "Gateway Timeout\n"}

func newRow(tb testing.TB, threads int) *scoreboard.Worker {
	board, err := scoreboard.New(1, threads)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, board.Close()) })
	return board.Worker(0)
}

func request(method, target string) *httpserver.Request {
	return &httpserver.Request{ID: "id-1", Method: []byte(method), Target: []byte(target), Arrived: time.Now()}
}

// serve has thread i answer a request, and returns the client and what is closed when the thread is back.
func serve(h *Handler, i int, r *httpserver.Request) (*client, <-chan struct{}) {
	c, back := &client{}, make(chan struct{})
	go func() {
		defer close(back)
		h.Serve(i, c, r)
	}()
	return c, back
}

var okHead = &httpserver.Head{Status: 200, Reason: "OK", ContentLength: -1}

// logLines is where a log goes.
type logLines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logLines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// lines returns the records so far, without their times.
func (l *logLines) lines() (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
		lines = append(lines, line)
	}
	return lines
}

// events are notes of what happened, in order.
type events struct {
	mu    sync.Mutex
	notes []string
}

func (e *events) note(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

func (e *events) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.notes...)
}
