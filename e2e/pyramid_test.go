package e2e_test

import (
	"net/url"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPyramid(t *testing.T) {
	t.Parallel()
	s := start(t, "pyramidapp:app")

	type shelf struct {
		Shelf, Book, URL string
		Holds, Reviews   []string
		In               string
	}
	t.Run("answers hello", func(t *testing.T) {
		a := s.client(t).get(t, "/hello")
		assert.Equal(t, 200, a.Status)
		assert.Contains(t, a.Body, "Hello from Pyramid")
	})
	t.Run("matches routes and reads the query", func(t *testing.T) {
		a := s.client(t).get(t, "/greet/Zo%C3%AB%20B?a=1&b=%26")
		assert.JSONEq(t, `{"greeting": "hello Zoë B", "query": {"a": "1", "b": "&"}}`, a.Body)
	})
	t.Run("traverses the tree to a node, a leaf and a view with a subpath", func(t *testing.T) {
		c := s.client(t)
		assert.Equal(t, []string{"poetry"}, getJSON[shelf](t, c, "/").Holds)
		poetry := getJSON[shelf](t, c, "/poetry")
		assert.Equal(t, []string{"gedichte für alle", "odes", "sonnets"}, poetry.Holds)
		assert.Equal(t, s.URL+"/poetry/", poetry.URL)
		assert.Equal(t, "poetry", getJSON[shelf](t, c, "/poetry/odes").In)
		assert.Equal(t, []string{"a", "b"}, getJSON[shelf](t, c, "/poetry/odes/reviews/a/b").Reviews)
	})
	t.Run("finds names in other alphabets by their percent-encoded bytes", func(t *testing.T) {
		assert.Equal(t, "gedichte für alle", getJSON[shelf](t, s.client(t), "/poetry/gedichte%20f%C3%BCr%20alle").Book)
	})
	t.Run("answers 404 by its own view", func(t *testing.T) {
		a := s.client(t).get(t, "/nowhere/else")
		assert.Equal(t, 404, a.Status)
		assert.Equal(t, "nothing at /nowhere/else\n", a.Body)
	})
	t.Run("reads forms and uploads", func(t *testing.T) {
		c := s.client(t)
		a := c.postForm(t, "/form", url.Values{"name": {"é"}})
		assert.JSONEq(t, `{"name": "é", "size": null}`, a.Body)
		a = c.upload(t, "/form", "x.bin", pattern(200_000))
		assert.JSONEq(t, `{"name": null, "size": 200000}`, a.Body)
	})
	t.Run("keeps a session", func(t *testing.T) {
		c := s.client(t)
		assert.Equal(t, 1, getJSON[map[string]int](t, c, "/session")["visits"])
		assert.Equal(t, 2, getJSON[map[string]int](t, c, "/session")["visits"])
	})
	t.Run("serves static files with conditions, and nothing outside their folder", func(t *testing.T) {
		c := s.client(t)
		a := c.get(t, "/static/style.css")
		assert.Equal(t, "body { color: teal; }\n", a.Body)
		assert.Contains(t, a.Header.Get("Content-Type"), "text/css")
		again := c.get(t, "/static/style.css", "If-Modified-Since", a.Header.Get("Last-Modified"))
		assert.Equal(t, 304, again.Status)
		assert.Equal(t, "Served by a static view.\n", c.get(t, "/static/plain%20text.txt").Body)
		for _, path := range []string{"/static/../pyramidapp.py", "/static/%2e%2e/pyramidapp.py", "/static/..%2fpyramidapp.py"} {
			outside, err := parsed(t, s.rawGet(t, path), "GET")
			require.NoError(t, err)
			assert.Equal(t, 404, outside.Status, path)
		}
	})
	t.Run("sends a file and a stream", func(t *testing.T) {
		source, err := os.ReadFile(testdata(t) + "/pyramidapp.py")
		require.NoError(t, err)
		c := s.client(t)
		assert.Equal(t, string(source), c.get(t, "/file").Body)
		assert.Equal(t, "0\n1\n2\n3\n4\n", c.get(t, "/stream").Body)
	})
	t.Run("redirects to where the client asked", func(t *testing.T) {
		a := s.client(t).get(t, "/redirect", "Host", "example.com")
		assert.Equal(t, 302, a.Status)
		assert.Equal(t, "http://example.com/hello", a.Header.Get("Location"))
	})
	t.Run("answers its exceptions by their views", func(t *testing.T) {
		c := s.client(t)
		assert.Equal(t, 403, c.get(t, "/forbidden").Status)
		a := c.get(t, "/stock")
		assert.Equal(t, 503, a.Status)
		assert.Equal(t, "out of stock: odes\n", a.Body)
	})
	t.Run("leaves what no view handles to the server", func(t *testing.T) {
		a := s.client(t).get(t, "/raise")
		assert.Equal(t, 500, a.Status)
		assert.NotContains(t, a.Body, "secret")
		s.stderr.waitForText(t, "ValueError: a secret detail")
		assert.Contains(t, s.stderr.String(), "pyramidapp.py", "the traceback names the application's file")
	})
}
