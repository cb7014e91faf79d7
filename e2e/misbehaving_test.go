package e2e_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// namesIn lists what stands between the marks in a Python source: the tables of misbehaving.py are
// written once, there.
func namesIn(t *testing.T, file, from, to string, name *regexp.Regexp) (names []string) {
	t.Helper()
	source, err := os.ReadFile(testdata(t) + "/apps/" + file)
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(source), from)
	require.True(t, ok, from)
	table, _, ok := strings.Cut(rest, to)
	require.True(t, ok, to)
	for _, found := range name.FindAllStringSubmatch(table, -1) {
		names = append(names, found[1])
	}
	require.NotEmpty(t, names)
	return names
}

func TestAMisbehavingApplicationIsAnsweredWith500(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.misbehaving:app")
	key := regexp.MustCompile(`(?m)^    "(\w+)":`)
	var paths []string
	for _, name := range namesIn(t, "misbehaving.py", "BAD_STATUSES = {", "\n}", key) {
		paths = append(paths, "/status/"+name)
	}
	for _, name := range namesIn(t, "misbehaving.py", "BAD_HEADERS = {", "\n}", key) {
		paths = append(paths, "/headers/"+name)
	}
	for _, name := range namesIn(t, "misbehaving.py", "RAISED = [", "\n]", regexp.MustCompile(`(\w+),`)) {
		paths = append(paths, "/raise/"+name+"/before", "/raise/"+name+"/started")
	}
	paths = append(paths, "/unprintable", "/str_chunk", "/str_body", "/bytes_body", "/none_chunk", "/none_body",
		"/number_body", "/str_to_write", "/never_started", "/never_started_empty", "/start_twice",
		"/start_without_arguments", "/start_with_bad_error")
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			raw := s.rawGet(t, path)
			a, err := parsed(t, raw, "GET")
			require.NoError(t, err)
			assert.Equal(t, 500, a.Status)
			for _, unwanted := range []string{"seen", "secret", "text\"", "X-Smuggled", "X-Y", "Traceback"} {
				assert.NotContains(t, raw, unwanted)
			}
		})
	}
	assert.Equal(t, "fine\n", s.client(t).get(t, "/fine").Body)
	for _, logged := range []string{"ValueError: a secret detail", "SystemExit", "KeyboardInterrupt", "Traceback (most recent call last)"} {
		s.stderr.waitForText(t, logged)
	}
}

func TestAFailureMidwayDoesNotLookLikeTheEnd(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.misbehaving:app")
	for _, path := range []string{
		"/raise/ValueError/midway", "/raise/SystemExit/midway", "/raise/KeyboardInterrupt/midway",
		"/raise/GeneratorExit/midway", "/raise/MemoryError/midway", "/raise/RecursionError/midway",
		"/str_midway", "/start_after_headers",
	} {
		t.Run(path, func(t *testing.T) {
			raw := s.rawGet(t, path)
			a, err := parsed(t, raw, "GET")
			require.Error(t, err, "%q", raw)
			assert.Equal(t, 200, a.Status)
			assert.Equal(t, "first\n", a.Body)
			assert.NotContains(t, raw, "0\r\n\r\n", "the last chunk must not be sent")
		})
	}
	t.Run("an iterator that raises StopIteration has simply ended", func(t *testing.T) {
		a, err := parsed(t, s.rawGet(t, "/raise/StopIteration/midway"), "GET")
		require.NoError(t, err)
		assert.Equal(t, "first\n", a.Body)
	})
	assert.Equal(t, "fine\n", s.client(t).get(t, "/fine").Body)
}

func TestContentLengthIsKeptToTheByte(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.misbehaving:app")
	for path, want := range map[string]string{
		"/too_long": "01234", "/too_long_at_once": "01234", "/too_long_by_write": "01234",
	} {
		t.Run(path+" is cut", func(t *testing.T) {
			raw := s.rawGet(t, path)
			assert.True(t, strings.HasPrefix(raw, "HTTP/1.1 200 "), "%q", raw)
			assert.True(t, strings.HasSuffix(raw, "\r\n\r\n"+want), "%q", raw)
		})
	}
	t.Run("too short a body ends the connection", func(t *testing.T) {
		raw := s.raw(t, head("GET", "/too_short")) // asks to keep the connection
		a, err := parsed(t, raw, "GET")
		require.Error(t, err)
		assert.Equal(t, "0123", a.Body)
		assert.Contains(t, raw, "Content-Length: 20\r\n")
	})
	t.Run("no body where twenty bytes were promised is no whole response", func(t *testing.T) {
		raw := s.raw(t, head("GET", "/nothing_of_length"))
		if raw != "" {
			a, err := parsed(t, raw, "GET")
			assert.True(t, err != nil || a.Status == 500, "%q", raw)
		}
	})
}

func TestStartResponseInAllItsTurns(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.misbehaving:app")
	t.Run("a second call with exc_info replaces status and headers", func(t *testing.T) {
		raw := s.rawGet(t, "/start_again_with_error")
		a, err := parsed(t, raw, "GET")
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(raw, "HTTP/1.1 503 "), "%q", raw)
		assert.Equal(t, "handled", a.Body)
		assert.Equal(t, "2", a.Header.Get("X-Second"))
		assert.Empty(t, a.Header.Get("X-First"))
		assert.Equal(t, []string{"7"}, a.Header.Values("Content-Length"))
	})
	t.Run("the only call may carry exc_info", func(t *testing.T) {
		a := s.client(t).get(t, "/start_with_error_only")
		assert.Equal(t, 503, a.Status)
		assert.Equal(t, "handled", a.Body)
	})
	t.Run("what belongs to an ended request raises", func(t *testing.T) {
		c := s.client(t)
		require.Equal(t, "kept\n", c.get(t, "/keep").Body)
		for _, kept := range []string{"write", "start_response", "input"} {
			a := c.get(t, "/kept/"+kept)
			assert.Equal(t, 200, a.Status, kept)
			assert.NotEqual(t, "nothing raised\n", a.Body, kept)
			assert.NotContains(t, a.Body, "another request", kept)
		}
	})
}

func TestHeadersThatAreTheServersAffair(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.misbehaving:app")
	t.Run("hop-by-hop fields are dropped and logged", func(t *testing.T) {
		raw := s.rawGet(t, "/hop_by_hop")
		a, err := parsed(t, raw, "GET")
		require.NoError(t, err)
		assert.Equal(t, "body\n", a.Body)
		assert.Equal(t, "1", a.Header.Get("X-Kept"))
		for _, name := range []string{"Keep-Alive", "Te", "Trailer", "Upgrade"} {
			assert.Empty(t, a.Header.Get(name), name)
		}
		assert.NotContains(t, raw, "chunked", "one element has a known length")
		s.stderr.waitFor(t, regexp.MustCompile(`(?i)keep-alive`))
	})
	t.Run("Connection: close is honoured", func(t *testing.T) {
		raw := s.raw(t, head("GET", "/connection_close")) // would not return if the connection stayed
		assert.True(t, strings.HasSuffix(raw, "body\n"), "%q", raw)
		assert.Contains(t, raw, "Connection: close\r\n")
	})
	t.Run("204 and 304 have no content", func(t *testing.T) {
		for path, status := range map[string]string{"/content_with_204": "204", "/content_with_304": "304"} {
			raw := s.rawGet(t, path)
			assert.True(t, strings.HasPrefix(raw, "HTTP/1.1 "+status), "%q", raw)
			assert.True(t, strings.HasSuffix(raw, "\r\n\r\n"), "%q", raw)
			assert.NotContains(t, raw, "Transfer-Encoding")
		}
	})
	t.Run("its own Date and Server go out once", func(t *testing.T) {
		raw := s.rawGet(t, "/own_date_and_server")
		assert.Contains(t, raw, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n")
		assert.Equal(t, 1, strings.Count(strings.ToLower(raw), "\r\ndate:"))
		assert.Equal(t, 1, strings.Count(strings.ToLower(raw), "\r\nserver:"))
	})
}

func TestDebugShowsTheTraceback(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.misbehaving:app", "--debug")
	a := s.client(t).get(t, "/raise/ValueError/before")
	assert.Equal(t, 500, a.Status)
	assert.Contains(t, a.Body, "ValueError")
	assert.Contains(t, a.Body, "misbehaving.py")
	assert.Contains(t, strings.ToLower(s.stderr.String()), "debug", "a loud warning")
}
