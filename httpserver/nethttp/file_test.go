package nethttp

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

// fileServer answers with Head h, the text before, and n bytes of content from offset on. opened tells the
// file, to see whether it was closed.
func fileServer(t *testing.T, h httpserver.Head, before, content string, offset, n int64) (httpserver.Handler, <-chan *os.File) {
	opened := make(chan *os.File, 1)
	return serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		_ = w.WriteHead(&h)
		if before != "" {
			assert.NoError(t, w.Write([]byte(before)))
		}
		f := tempFile(t, content)
		opened <- f
		_ = w.SendFile(f, offset, n)
	}), opened
}

func assertClosed(t *testing.T, f *os.File) {
	t.Helper()
	_, err := f.Stat()
	assert.ErrorIs(t, err, os.ErrClosed)
}

func TestAFileIsSentFromItsOffset(t *testing.T) {
	big := strings.Repeat("0123456789", 100_000)
	for _, c := range []struct {
		name            string
		length          int64
		before, content string
		offset, n       int64
	}{
		{name: "known length", length: 5, content: "0123456789", offset: 3, n: 5},
		{name: "unknown length", length: -1, content: "0123456789", offset: 3, n: 5},
		{name: "after other content", length: 8, before: "abc", content: "0123456789", offset: 3, n: 5},
		{name: "nothing of it", length: 0, content: "0123456789", offset: 3, n: 0},
		{name: "large", length: 999_990, content: big, offset: 10, n: 999_990},
	} {
		for _, bind := range []string{"127.0.0.1:0", "unix:"} {
			t.Run(c.name+" on "+bind, func(t *testing.T) {
				h, opened := fileServer(t, httpserver.Head{Status: 200, ContentLength: c.length}, c.before, c.content, c.offset, c.n)
				if bind == "unix:" {
					bind += socketPath(t)
				}
				ts := start(t, h, setup{bind: bind})
				_, got, _ := strings.Cut(ts.exchange("GET / HTTP/1.0\r\n\r\n"), "\r\n\r\n")
				assert.True(t, c.before+c.content[c.offset:c.offset+c.n] == got, "the content")
				line := ts.nextAccess()
				assert.EqualValues(t, int64(len(c.before))+c.n, line.Bytes)
				assert.False(t, line.Aborted)
				assertClosed(t, wait(t, opened))
			})
		}
	}
}

func TestAFileThatIsTooShortCutsTheConnection(t *testing.T) {
	for name, c := range map[string]struct{ length, offset, n int64 }{
		"shorter than promised":     {10, 3, 10},
		"nothing behind the offset": {5, 100, 5},
		"shorter, unknown length":   {-1, 3, 10},
		"shorter than the length":   {10, 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			h, opened := fileServer(t, httpserver.Head{Status: 200, ContentLength: c.length}, "", "0123456789", c.offset, c.n)
			ts := start(t, h, setup{})
			got := ts.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			assert.NotContains(t, got, "\r\n0\r\n\r\n")
			assert.True(t, ts.nextAccess().Aborted)
			assert.Contains(t, ts.log.String(), "a file was not sent to its end")
			assertClosed(t, wait(t, opened))
		})
	}
}

func TestAFileIsClosedThoughItIsNotSent(t *testing.T) {
	t.Run("for a response without content", func(t *testing.T) {
		h, opened := fileServer(t, httpserver.Head{Status: 200, ContentLength: 5, NoContent: true}, "", "01234", 0, 5)
		ts := start(t, h, setup{})
		got := ts.exchange("HEAD / HTTP/1.0\r\n\r\n")
		assert.Contains(t, got, "Content-Length: 5\r\n")
		assert.True(t, strings.HasSuffix(got, "\r\n\r\n"))
		assertClosed(t, wait(t, opened))
	})
	t.Run("for a response that was aborted", func(t *testing.T) {
		f := tempFile(t, "01234")
		ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
			_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 5})
			assert.NoError(t, w.SendFile(f, 0, 5))
			w.Abort()
		}), setup{})
		assert.Empty(t, ts.exchange("GET / HTTP/1.0\r\n\r\n"))
		assertClosed(t, f)
	})
}

func TestADownloadHoldsNoThread(t *testing.T) {
	const size = 64 << 20 // more than the sockets' buffers take
	f := tempFile(t, "")
	path := f.Name()
	f.Close()
	assert.NoError(t, os.Truncate(path, size))
	ts := start(t, serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		if string(r.Target) != "/file" {
			answer(w, "ok")
			return
		}
		f, err := os.Open(path)
		assert.NoError(t, err)
		_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: size})
		_ = w.SendFile(f, 0, size)
	}), setup{threads: 1})
	slow := ts.dial()
	send(t, slow, "GET /file HTTP/1.1\r\nHost: a\r\n\r\n")
	first := make([]byte, 1)
	_, err := slow.Read(first)
	assert.NoError(t, err, "the download has begun")
	assert.Contains(t, ts.exchange("GET / HTTP/1.0\r\n\r\n"), "ok")
	assert.Equal(t, "/", ts.nextAccess().Target)
	slow.Close()
	line := ts.nextAccess()
	assert.Equal(t, "/file", line.Target)
	assert.True(t, line.Aborted)
	assert.Less(t, line.Bytes, int64(size))
}
