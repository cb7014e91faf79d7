package progress

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

func TestTheScoreboardShowsTheRequestWhileItLasts(t *testing.T) {
	row := newRow(t, 2)
	h := NewHandler(application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		requests := row.InRequests()
		require.Len(t, requests, 1)
		assert.Equal(t, 1, requests[0].Thread)
		assert.Equal(t, "GET", requests[0].Method)
		assert.Equal(t, "/slow?x=1", requests[0].Target)
		assert.GreaterOrEqual(t, requests[0].Age(), requests[0].Stalled())
		assert.EqualValues(t, 1, row.Counters().Busy.Load())
	}), row)
	h.Serve(1, &client{}, request("GET", "/slow?x=1"))
	h.Serve(1, &client{}, request("GET", "/slow?x=1"))
	assert.Empty(t, row.InRequests())
	assert.Zero(t, row.Counters().Busy.Load())
	assert.EqualValues(t, 2, row.Counters().Requests.Load())
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
