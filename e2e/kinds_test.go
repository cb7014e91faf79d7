package e2e_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kinds are the applications of testdata/apps/kinds.py with what each must answer. length is the
// Content-Length, empty where it cannot be known, "any" where a server may know it or not.
func kinds() []struct{ name, body, length string } {
	const lines = "one\ntwo\nthree\n"
	var b strings.Builder
	for number := range 20000 {
		fmt.Fprintf(&b, "%04d\n", number)
	}
	file := b.String()
	return []struct{ name, body, length string }{
		{"function", lines, "14"},
		{"iterable_class", lines, ""},
		{"instance", lines, "any"},
		{"bound_method", lines, "any"},
		{"static_method", lines, "any"},
		{"generator_function", lines, ""},
		{"late_generator", lines, ""},
		{"plain_list", lines, "any"},
		{"plain_tuple", lines, "any"},
		{"plain_iterator", lines, ""},
		{"iterable_without_length", lines, ""},
		{"iterable_with_length", lines, "any"},
		{"old_sequence", lines, ""},
		{"declared_length", lines, "14"},
		{"empty_chunks_between", lines, ""},
		{"empty_list", "", "any"},
		{"empty_generator", "", "any"},
		{"only_empty_chunks", "", "any"},
		{"write_only", lines, "any"},
		{"write_then_iterate", lines, ""},
		{"write_with_length", lines, "14"},
		{"wrapped_file", file, "any"},
		{"wrapped_file?at=100000", file[100000:], "any"},
		{"wrapped_file?at=110000", "", "any"},
		{"wrapped_file_with_length?length=70000&at=5", file[5:70005], "70000"},
		{"wrapped_bytesio", file, "any"},
		{"wrapped_bytesio?at=109000", file[109000:], "any"},
		{"wrapped_reader", file, "any"},
		{"unwrapped_wrapper?at=7", file[7:], ""},
		{"wrapped_after_write", "one\n" + file, "any"},
	}
}

func TestApplicationKinds(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.kinds:app")
	c := s.client(t)
	for _, tt := range kinds() {
		for _, prefix := range []string{"/", "/validated/"} {
			path := prefix + tt.name
			t.Run("HTTP 1.1"+path, func(t *testing.T) {
				a := c.get(t, path)
				assert.Equal(t, 200, a.Status)
				assert.Equal(t, tt.body, a.Body)
				// wsgiref.validate hides from the server what it would take the length from.
				if tt.length != "any" && (prefix == "/" || tt.length == "") {
					assert.Equal(t, tt.length, a.Header.Get("Content-Length"))
				}
			})
		}
		t.Run("HTTP 1.0 ends by closing/"+tt.name, func(t *testing.T) {
			a, err := parsed(t, s.raw(t, "GET /"+tt.name+" HTTP/1.0\r\n\r\n"), "GET")
			require.NoError(t, err)
			assert.Equal(t, 200, a.Status)
			assert.Equal(t, tt.body, a.Body)
			assert.Empty(t, a.Header.Get("Transfer-Encoding"))
		})
		t.Run("HEAD has no content/"+tt.name, func(t *testing.T) {
			raw := s.raw(t, head("HEAD", "/"+tt.name, "Connection: close"))
			assert.True(t, strings.HasPrefix(raw, "HTTP/1.1 200 "), "%q", raw)
			_, content, _ := strings.Cut(raw, "\r\n\r\n")
			assert.Empty(t, content)
		})
	}
	for _, complaint := range []string{"AssertionError", "WSGIWarning", "without being closed", "Traceback"} {
		assert.NotContains(t, s.stderr.String(), complaint)
	}
}

func TestAFileIsHeldToItsContentLength(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.kinds:app")
	a, err := parsed(t, s.rawGet(t, "/wrapped_file_with_length?length=7"), "GET")
	require.NoError(t, err)
	assert.Equal(t, "0000\n00", a.Body)

	raw := s.rawGet(t, "/wrapped_file_with_length?length=110001")
	assert.Contains(t, raw, "0000\n", "what there is is sent")
	_, err = parsed(t, raw, "GET")
	assert.Error(t, err, "a file shorter than its Content-Length must not look whole")
}

// TestApplicationSpecs starts a server for each way to name an application, and each kind of callable
// that a dispatcher would hide from the server.
func TestApplicationSpecs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ app, path, want string }{
		{"apps.kinds:function", "/", "one\ntwo\nthree\n"},
		{"apps.kinds:iterable_class", "/", "one\ntwo\nthree\n"},
		{"apps.kinds:instance", "/", "one\ntwo\nthree\n"},
		{"apps.kinds:generator_function", "/", "one\ntwo\nthree\n"},
		{"apps.kinds:Methods.static", "/", "one\ntwo\nthree\n"},
		{"apps.kinds:Instance()", "/", "one\ntwo\nthree\n"},
		{"apps.kinds:validated_generator_function", "/", "one\ntwo\nthree\n"},
		{"apps.demo", "/", "Hello world!"},
		{"apps.environ:wsgiapp", "/", "wsgi.input"},
		{"flaskapp", "/hello", "Hello from Flask"},
		{"flaskapp:app.wsgi_app", "/hello", "Hello from Flask"},
		{"pyramidapp:make_app()", "/hello", "Hello from Pyramid"},
		{"pyramidapp.py", "/hello", "Hello from Pyramid"},
		{"djangoapp.wsgi", "/hello", "Hello from Django"},
	} {
		t.Run(tt.app, func(t *testing.T) {
			t.Parallel()
			a := start(t, tt.app).client(t).get(t, tt.path)
			assert.Equal(t, 200, a.Status)
			assert.Contains(t, a.Body, tt.want)
		})
	}
}

func TestLintMiddlewareFindsNothing(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.lint:app")
	c := s.client(t)
	for _, lint := range []string{"/werkzeug", "/paste"} {
		for _, tt := range []struct{ method, path, body, want string }{
			{"GET", "/simple", "", "one\ntwo\nthree\n"},
			{"GET", "/generator", "", "one\ntwo\nthree\n"},
			{"GET", "/flask/hello", "", "Hello from Flask"},
			{"GET", "/flask/stream?n=3", "", "2 /stream\n"},
			{"GET", "/flask/file/memory", "", "in memory\n"},
			{"GET", "/flask/redirect", "", "Redirecting"},
			{"OPTIONS", "/flask/hello", "", ""},
			// Werkzeug's lint refuses read() without a size, which its own request class calls.
			{"POST", "/flask/raw", "body", sha([]byte("body"))},
		} {
			if tt.method == "POST" && lint == "/werkzeug" {
				continue
			}
			t.Run(tt.method+lint+tt.path, func(t *testing.T) {
				a := c.send(t, tt.method, lint+tt.path, strings.NewReader(tt.body))
				assert.Less(t, a.Status, 400, a.Body)
				assert.Contains(t, a.Body, tt.want)
			})
		}
	}
	assert.NotRegexp(t, regexp.MustCompile(`Warning|AssertionError|Traceback`), s.stderr.String())
}

func TestEnviron(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.environ")
	type entry struct {
		Type, Repr string
		Value      any
	}
	got := getJSON[struct {
		Type    string
		Entries map[string]entry
		Strings bool `json:"keys_are_str"`
	}](t, s.client(t), "/a%2Fb/%C3%A9//c?x=%20&y", "X-Thing", "1", "Cookie", "a=b")
	assert.Equal(t, "dict", got.Type)
	assert.True(t, got.Strings)
	host, port, _ := strings.Cut(s.addr, ":")
	for key, want := range map[string]any{
		"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/a/b/\u00c3\u00a9//c", "QUERY_STRING": "x=%20&y",
		"REQUEST_URI": "/a%2Fb/%C3%A9//c?x=%20&y", "RAW_URI": "/a%2Fb/%C3%A9//c?x=%20&y",
		"SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": host, "SERVER_PORT": port, "REMOTE_ADDR": "127.0.0.1",
		"HTTP_HOST": s.addr, "HTTP_X_THING": "1", "HTTP_COOKIE": "a=b", "wsgi.url_scheme": "http",
		"wsgi.multithread": true, "wsgi.multiprocess": false, "wsgi.run_once": false, "wsgi.input_terminated": true,
	} {
		assert.Equal(t, want, got.Entries[key].Value, key)
	}
	assert.Equal(t, entry{"tuple", "(1, 0)", nil}, got.Entries["wsgi.version"])
	for _, key := range []string{"wsgi.input", "wsgi.errors", "wsgi.file_wrapper", "SERVER_SOFTWARE", "REMOTE_PORT"} {
		assert.Contains(t, got.Entries, key)
	}
	for _, key := range []string{"HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"} {
		assert.NotContains(t, got.Entries, key)
	}
}
