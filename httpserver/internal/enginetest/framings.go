package enginetest

import (
	"strings"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

var framings = []behaviour{
	{name: "a connection is kept or closed as both sides ask", test: keepAlive},
	{name: "in HTTP/1.0 content of unknown length ends with the connection", test: untilClose},
	{name: "a connection closes after as many requests as are allowed", test: keepAliveRequests},
}

func keepAlive(s *suite) {
	for _, test := range []struct {
		name, request string
		length        int64
		close, kept   bool
	}{
		{"1.1", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 2, false, true},
		{"1.1 chunked", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", -1, false, true},
		{"1.1, the client closes", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", 2, false, false},
		{"1.1, the handler closes", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 2, true, false},
		{"1.0", "GET / HTTP/1.0\r\n\r\n", 2, false, false},
		{"1.0, the client keeps", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 2, false, true},
		{"1.0, the client keeps, the handler closes", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 2, true, false},
		{"1.0, the client keeps, unknown length", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", -1, false, false},
	} {
		s.run("a connection is kept or closed as both sides ask", test.name, func(s *suite) {
			srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: test.length, Close: test.close}))
				assert.NoError(s, w.Write([]byte("ok")))
			}), Options{})
			c := srv.dial()
			c.send(test.request)
			res := c.expect(200, "ok")
			if !test.kept {
				assert.True(s, res.Close)
				c.closed()
				return
			}
			assert.False(s, res.Close)
			c.send(test.request)
			c.expect(200, "ok")
		})
	}
}

func untilClose(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(s, w.WriteHead(chunkedHead()))
		assert.NoError(s, w.Write([]byte("hel")))
		assert.NoError(s, w.Write([]byte("lo")))
	}), Options{})
	c := srv.dial()
	c.send("GET / HTTP/1.0\r\n\r\n")
	head, content, _ := strings.Cut(c.rest(), "\r\n\r\n")
	assert.Equal(s, "hello", content)
	assert.NotContains(s, strings.ToLower(head), "chunked")
}

func keepAliveRequests(s *suite) {
	srv := s.start(text("ok"), Options{Limits: httpserver.Limits{KeepAliveRequests: 2}})
	c := srv.dial()
	c.send(strings.Repeat(getRequest("/"), 3))
	assert.False(s, c.expect(200, "ok").Close)
	assert.True(s, c.expect(200, "ok").Close)
	c.closed()
	srv.limited("keepalive_ends", 1, "as many requests as are allowed")
}
