package pyhost_test

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
)

// sink takes a response and forgets it.
type sink struct{ content []byte }

func (s *sink) WriteHead(*httpserver.Head) error { s.content = s.content[:0]; return nil }
func (s *sink) Write(p []byte) error             { s.content = append(s.content, p...); return nil }
func (s *sink) Abort()                           {}
func (s *sink) Disconnected() bool               { return false }
func (s *sink) SendFile(f *os.File, _, _ int64) error {
	return f.Close()
}

// server calls an application as the engine would.
type server struct {
	handler *gateway.Handler
	sink    sink
	content *bytes.Reader
}

func newServer(t testing.TB, spec string) *server {
	builder, err := environ.NewBuilder(environ.Config{})
	require.NoError(t, err)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return &server{
		handler: gateway.NewHandler(loadApp(t, spec), builder, threads, gateway.Options{Log: log}),
		content: bytes.NewReader([]byte("first line\nsecond\nthe third has no end")),
	}
}

func (s *server) request(thread int) {
	s.content.Seek(0, io.SeekStart)
	s.handler.Serve(thread, &s.sink, &httpserver.Request{
		ID: "0123456789abcdef", Method: []byte("POST"), Target: []byte("/path?query"), Proto: "HTTP/1.1", Scheme: "http",
		Fields: []httpserver.Field{
			{Name: []byte("Host"), Value: []byte("localhost")},
			{Name: []byte("Cookie"), Value: []byte("secret=1")},
			{Name: []byte("X-Unusual"), Value: []byte("v\xe9")},
		},
		Body: s.content, ContentLength: s.content.Size(),
	})
}

// blocks returns how many memory blocks the interpreter has.
func (s *server) blocks(t *testing.T, thread int) int {
	s.request(thread)
	n, err := strconv.Atoi(string(s.sink.content))
	require.NoError(t, err)
	return n
}

func residentBytes(t *testing.T) int {
	statm, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}

func TestNothingLeaksOver100000Requests(t *testing.T) {
	names := []string{
		"plain", "large", "generator", "reads", "logs", "files", "blocks", "raises", "raises_midway", "refused", "closing", "stale",
	}
	requests := 100_000 / len(names)
	if testing.Short() {
		requests = 500
	}
	meter := newServer(t, "leaks:meter")
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, "leaks:"+name)
			onThread(t, func(thread int) {
				for range 300 {
					s.request(thread)
				}
				blocks, resident := meter.blocks(t, thread), residentBytes(t)
				for range requests {
					s.request(thread)
				}
				assert.InDelta(t, blocks, meter.blocks(t, thread), 50, "memory blocks of the interpreter")
				// AddressSanitizer, which goes with malloc, keeps freed memory on purpose.
				if os.Getenv("PYTHONMALLOC") != "malloc" {
					assert.Less(t, residentBytes(t)-resident, 16<<20, "resident bytes")
				}
			})
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, name := range []string{"plain", "generator"} {
		b.Run(name, func(b *testing.B) {
			s := newServer(b, "leaks:"+name)
			b.ReportAllocs()
			onThread(b, func(thread int) {
				for b.Loop() {
					s.request(thread)
				}
			})
		})
	}
}
