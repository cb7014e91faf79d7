package progress

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

func TestTheScoreboardShowsTheRequestWhileItLasts(t *testing.T) {
	row := newRow(t, 2)
	h := NewHandler(application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		requests := row.InRequests()
		require.Len(t, requests, 1)
		assert.Equal(t, 1, requests[0].Thread)
		assert.Equal(t, "GET", requests[0].Method)
		assert.Equal(t, "/slow?x=1", requests[0].Target)
		assert.GreaterOrEqual(t, requests[0].Age(), time.Duration(requests[0].Seen-requests[0].Moved))
		assert.EqualValues(t, 1, stat(row, "threads_busy"))
	}), row)
	h.Serve(1, &client{}, request("GET", "/slow?x=1"))
	h.Serve(1, &client{}, request("GET", "/slow?x=1"))
	assert.Empty(t, row.InRequests())
	assert.Zero(t, stat(row, "threads_busy"))
	assert.EqualValues(t, 2, stat(row, "requests"))
}

// stat returns a counter.
func stat(row *scoreboard.Worker, name string) int64 {
	stats := row.Stats()
	return stats.Value(name)
}

func TestARequestIsCountedByWhatBecameOfIt(t *testing.T) {
	for name, test := range map[string]struct {
		call     application
		request  *httpserver.Request
		counters map[string]int64
	}{
		"an answer": {func(w httpserver.ResponseWriter, _ *httpserver.Request) {
			_ = w.WriteHead(okHead)
			_ = w.Write([]byte("12345"))
		}, request("GET", "/"), map[string]int64{"responses_2xx": 1, "methods_GET": 1, "bytes_sent": 5}},
		"a file": {func(w httpserver.ResponseWriter, _ *httpserver.Request) {
			_ = w.WriteHead(okHead)
			_ = w.SendFile(nil, 0, 7)
		}, request("PUT", "/"), map[string]int64{"responses_2xx": 1, "methods_PUT": 1, "bytes_sent": 7}},
		"nothing": {func(httpserver.ResponseWriter, *httpserver.Request) {}, request("GET", "/"), map[string]int64{"responses_aborted": 1}},
		"a response that is cut short": {func(w httpserver.ResponseWriter, _ *httpserver.Request) {
			_ = w.WriteHead(okHead)
			w.Abort()
		}, request("GET", "/"), map[string]int64{"responses_aborted": 1, "responses_2xx": 0}},
		"content of known length": {func(httpserver.ResponseWriter, *httpserver.Request) {},
			&httpserver.Request{Method: []byte("POST"), Body: strings.NewReader("123"), ContentLength: 3}, map[string]int64{"bytes_received": 3}},
		"content of unknown length": {func(_ httpserver.ResponseWriter, r *httpserver.Request) { _, _ = r.Body.Read(make([]byte, 2)) },
			&httpserver.Request{Method: []byte("POST"), Body: strings.NewReader("123"), ContentLength: -1}, map[string]int64{"bytes_received": 2}},
	} {
		t.Run(name, func(t *testing.T) {
			row := newRow(t, 1)
			h := NewHandler(application(func(httpserver.ResponseWriter, *httpserver.Request) { t.Error("this is the other one") }), row)
			h.For(test.call).Serve(0, &client{}, test.request)
			for name, want := range test.counters {
				assert.Equal(t, want, stat(row, name), name)
			}
			stats := row.Stats()
			assert.EqualValues(t, 1, stats.Duration.Count())
			assert.EqualValues(t, 1, stats.Queued.Count())
		})
	}
}

func TestTheApplicationsCallsGetThrough(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	h := NewHandler(application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(t, w.WriteHead(okHead))
		assert.NoError(t, w.Write([]byte("one")))
		assert.False(t, w.Disconnected())
		assert.NoError(t, w.SendFile(f, 0, 3))
		w.Abort()
	}), newRow(t, 1))
	c := &client{}
	h.Serve(0, c, request("GET", "/"))
	assert.Equal(t, []string{"200 OK, -1 bytes, close false", "one", "a file of 3 bytes", "abort"}, c.all())
	assert.Same(t, f, c.sent)
}

func TestContentThatCanSeekStillCan(t *testing.T) {
	var seen io.Reader
	h := NewHandler(application(func(_ httpserver.ResponseWriter, r *httpserver.Request) {
		seen = r.Body
		if seen == nil {
			return
		}
		text, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, "content", string(text))
		if s, ok := r.Body.(io.Seeker); ok {
			_, err := s.Seek(3, io.SeekStart)
			assert.NoError(t, err)
			text, err = io.ReadAll(r.Body)
			assert.NoError(t, err)
			assert.Equal(t, "tent", string(text))
		}
	}), newRow(t, 1))
	for _, c := range []struct {
		name    string
		content io.Reader
		seeks   bool
	}{
		{"spooled content", strings.NewReader("content"), true},
		{"streamed content", io.MultiReader(strings.NewReader("content")), false},
		{"no content", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("POST", "/")
			r.Body = c.content
			h.Serve(0, &client{}, r)
			_, seeks := seen.(io.Seeker)
			assert.Equal(t, c.seeks, seeks)
			assert.Equal(t, c.content == nil, seen == nil)
			assert.True(t, r.Body == c.content, "the engine finds its request as it was")
		})
	}
}

func TestAThreadGoesOnAfterAPanic(t *testing.T) {
	row := newRow(t, 1)
	h := NewHandler(application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(t, w.WriteHead(okHead))
		assert.NoError(t, w.Write([]byte("content")))
	}), row)
	assert.PanicsWithValue(t, "a fault in the engine", func() { h.Serve(0, &client{panic: true}, request("GET", "/")) })
	assert.Empty(t, row.InRequests())
	c := &client{}
	h.Serve(0, c, request("GET", "/"))
	assert.Equal(t, []string{"200 OK, -1 bytes, close false", "content"}, c.all())
}

func simpleHandler(tb testing.TB) *Handler {
	content := []byte("Hello")
	return NewHandler(application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		_ = w.WriteHead(okHead)
		_ = w.Write(content)
	}), newRow(tb, 1))
}

// silent is a client that keeps nothing.
type silent struct{ client }

func (*silent) WriteHead(*httpserver.Head) error { return nil }
func (*silent) Write([]byte) error               { return nil }

func TestARequestAllocatesNothing(t *testing.T) {
	h, c, r := simpleHandler(t), &silent{}, request("GET", "/")
	content := strings.NewReader("content")
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		r.Body = content
		h.Serve(0, c, r)
	}))
}

func BenchmarkRequest(b *testing.B) {
	h, c, r := simpleHandler(b), &silent{}, request("GET", "/a/target/of/usual/length?x=1")
	b.Run("with the time-out", func(b *testing.B) {
		for b.Loop() {
			h.Serve(0, c, r)
		}
	})
	b.Run("without", func(b *testing.B) {
		for b.Loop() {
			h.inner.Serve(0, c, r)
		}
	})
	b.Run("the clock", func(b *testing.B) {
		for b.Loop() {
			h.clock.now()
		}
	})
}
