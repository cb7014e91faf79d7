package e2e_test

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlask(t *testing.T) {
	t.Parallel()
	s := start(t, "flaskapp:app")

	t.Run("answers hello", func(t *testing.T) {
		a := s.client(t).get(t, "/hello")
		assert.Equal(t, 200, a.Status)
		assert.Contains(t, a.Body, "Hello from Flask")
		assert.Equal(t, "text/html; charset=utf-8", a.Header.Get("Content-Type"))
		assert.Len(t, a.Header.Values("Date"), 1)
		assert.Len(t, a.Header.Values("Server"), 1)
	})
	t.Run("reads forms, repeated fields and other alphabets included", func(t *testing.T) {
		c := s.client(t)
		assert.Contains(t, c.get(t, "/form").Body, "<form")
		a := c.postForm(t, "/form", url.Values{"name": {"Zoë & ☃"}, "colour": {"red", "green"}})
		got := decode[map[string][]string](t, a)
		assert.Equal(t, map[string][]string{"name": {"Zoë & ☃"}, "colour": {"red", "green"}}, got)
	})
	t.Run("reads and writes JSON", func(t *testing.T) {
		c := s.client(t)
		assert.Equal(t, "Grüße", getJSON[map[string]any](t, c, "/json")["message"])
		a := c.send(t, "POST", "/json", strings.NewReader(`{"deep": [1, {"x": null}]}`), "Content-Type", "application/json")
		assert.JSONEq(t, `{"echo": {"deep": [1, {"x": null}]}}`, a.Body)
		a = c.send(t, "POST", "/json", strings.NewReader(`{`), "Content-Type", "application/json")
		assert.Equal(t, 400, a.Status)
	})
	t.Run("keeps two Set-Cookie fields apart and gets the cookies back", func(t *testing.T) {
		c := s.client(t)
		assert.Len(t, c.get(t, "/cookies/set?value=x").Header.Values("Set-Cookie"), 2)
		assert.Equal(t, map[string]string{"plain": "x", "kept": "a b"}, getJSON[map[string]string](t, c, "/cookies"))
	})
	t.Run("keeps a session for each client", func(t *testing.T) {
		one, other := s.client(t), s.client(t)
		for visits := 1; visits <= 3; visits++ {
			assert.Equal(t, visits, getJSON[map[string]int](t, one, "/session")["visits"])
		}
		assert.Equal(t, 1, getJSON[map[string]int](t, other, "/session")["visits"])
	})
	t.Run("redirects", func(t *testing.T) {
		a := s.client(t).get(t, "/redirect")
		assert.Equal(t, 302, a.Status)
		assert.Equal(t, "/hello", a.Header.Get("Location"))
	})
	t.Run("sees the address the client used", func(t *testing.T) {
		got := getJSON[map[string]any](t, s.client(t), "/urls?a=b", "Host", "example.com:8080")
		assert.Equal(t, "http://example.com:8080/hello", got["external"])
		assert.Equal(t, "http://example.com:8080/urls?a=b", got["url"])
		assert.Equal(t, "127.0.0.1", got["remote"])
		assert.Equal(t, false, got["secure"])
	})
	t.Run("answers errors of its own", func(t *testing.T) {
		c := s.client(t)
		assert.Equal(t, 404, c.get(t, "/nowhere").Status)
		assert.Equal(t, 404, c.get(t, "/abort/404").Status)
		assert.Equal(t, 405, c.send(t, "DELETE", "/hello", nil).Status)
		teapot := c.get(t, "/abort/418")
		assert.Equal(t, 418, teapot.Status)
		assert.Equal(t, "short and stout\n", teapot.Body)
		assert.Equal(t, "tea", teapot.Header.Get("X-Pot"))
	})
	t.Run("logs what a view raises and tells the client nothing", func(t *testing.T) {
		a := s.client(t).get(t, "/raise")
		assert.Equal(t, 500, a.Status)
		assert.NotContains(t, a.Body, "secret")
		s.stderr.waitForText(t, "ValueError: a secret detail")
	})
	t.Run("answers HEAD and OPTIONS", func(t *testing.T) {
		c := s.client(t)
		a := c.send(t, "HEAD", "/file/memory", nil)
		assert.Equal(t, 200, a.Status)
		assert.Empty(t, a.Body)
		assert.Equal(t, "10", a.Header.Get("Content-Length"))
		a = c.send(t, "OPTIONS", "/form", nil)
		assert.Equal(t, 200, a.Status)
		assert.Contains(t, a.Header.Get("Allow"), "POST")
	})
	t.Run("answers 204 without content", func(t *testing.T) {
		raw := s.rawGet(t, "/empty")
		a, err := parsed(t, raw, "GET")
		require.NoError(t, err)
		assert.Equal(t, 204, a.Status)
		assert.True(t, strings.HasSuffix(raw, "\r\n\r\n"), "%q", raw)
		assert.NotContains(t, strings.ToLower(raw), "transfer-encoding")
	})
	t.Run("keeps the spelling and the bytes of its header fields", func(t *testing.T) {
		raw := s.rawGet(t, "/headers")
		assert.Contains(t, raw, "\r\nx-LOWER-Upper: kept\r\n")
		assert.Contains(t, raw, "\r\nX-Latin: caf\xe9\r\n")
	})
}

func TestFlaskUploads(t *testing.T) {
	t.Parallel()
	s := start(t, "flaskapp:app")
	for _, tt := range []struct {
		name string
		size int
	}{
		{"an empty file", 0},
		{"a small file", 1000},
		{"a file of 5 MiB", 5 << 20},
	} {
		t.Run("takes "+tt.name, func(t *testing.T) {
			content := pattern(tt.size)
			got := decode[struct {
				Files map[string]struct {
					Size     int
					SHA256   string
					Filename string
				}
				Fields map[string]string
			}](t, s.client(t).upload(t, "/upload", "snow ☃.bin", content))
			assert.Equal(t, tt.size, got.Files["file"].Size)
			assert.Equal(t, sha(content), got.Files["file"].SHA256)
			assert.Equal(t, "snow ☃.bin", got.Files["file"].Filename)
			assert.Equal(t, "for you", got.Fields["note"])
		})
	}
	t.Run("takes bodies of any method and tells their length", func(t *testing.T) {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			got := decode[map[string]any](t, s.client(t).send(t, method, "/raw", strings.NewReader("body")))
			assert.Equal(t, method, got["method"])
			assert.Equal(t, "4", got["content_length"])
			assert.Equal(t, sha([]byte("body")), got["sha256"])
		}
	})
	t.Run("takes a chunked body whose length it then knows", func(t *testing.T) {
		content := pattern(300_000)
		// A reader of unknown kind makes the client send chunks.
		body := struct{ *strings.Reader }{strings.NewReader(string(content))}
		got := decode[map[string]any](t, s.client(t).send(t, "POST", "/raw", bufio.NewReader(body)))
		assert.Equal(t, sha(content), got["sha256"])
		assert.Equal(t, "300000", got["content_length"])
		assert.Nil(t, got["transfer_encoding"])
	})
}

func TestFlaskStreamsAndFiles(t *testing.T) {
	t.Parallel()
	s := start(t, "flaskapp:app")

	t.Run("streams from a generator", func(t *testing.T) {
		a := s.client(t).get(t, "/stream?n=1000")
		assert.Equal(t, 1000, strings.Count(a.Body, " /stream\n"))
		assert.True(t, strings.HasPrefix(a.Body, "0 /stream\n1 /stream\n"))
		assert.Empty(t, a.Header.Get("Content-Length"))
	})
	t.Run("breaks off a stream that raises", func(t *testing.T) {
		a, err := parsed(t, s.rawGet(t, "/stream/broken"), "GET")
		require.Error(t, err, "the client must see that the response is not whole")
		assert.Equal(t, "first\n", a.Body)
		s.stderr.waitForText(t, "RuntimeError: the stream broke")
	})
	t.Run("sends a file, parts of it, and not again what the client has", func(t *testing.T) {
		source, err := os.ReadFile(testdata(t) + "/flaskapp.py")
		require.NoError(t, err)
		c := s.client(t)
		whole := c.get(t, "/file")
		assert.Equal(t, string(source), whole.Body)
		part := c.get(t, "/file", "Range", "bytes=100-199")
		assert.Equal(t, http.StatusPartialContent, part.Status)
		assert.Equal(t, string(source[100:200]), part.Body)
		again := c.get(t, "/file", "If-None-Match", whole.Header.Get("ETag"))
		assert.Equal(t, http.StatusNotModified, again.Status)
		assert.Empty(t, again.Body)
	})
	t.Run("sends a file that is only in memory", func(t *testing.T) {
		a := s.client(t).get(t, "/file/memory")
		assert.Equal(t, "in memory\n", a.Body)
		assert.Contains(t, a.Header.Get("Content-Disposition"), "memory.txt")
	})
	t.Run("sends 20 MiB of a file without loss", func(t *testing.T) {
		a := s.client(t).get(t, "/file/big?size=20971520")
		require.Len(t, a.Body, 20<<20)
		block := make([]byte, 256)
		for i := range block {
			block[i] = byte(i)
		}
		assert.Equal(t, 20<<20/256, strings.Count(a.Body, string(block)))
	})
}
