package enginetest

import (
	"net/http"
	"strings"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

var aborts = []behaviour{
	{name: "a response that is aborted does not look complete, in any framing", test: aborted},
	{name: "content that is shorter than announced does not look complete", test: tooLittleContent},
	{name: "a handler that answers nothing closes the connection", test: noAnswer},
}

func aborted(s *suite) {
	for _, test := range []struct {
		name, request string
		length        int64
		content       int
	}{
		{"with a length", getRequest("/"), 1 << 20, 5},
		{"with a length, before content", getRequest("/"), 5, 0},
		{"with a length, complete but for the end", getRequest("/"), 50001, 50000},
		{"chunked", getRequest("/"), -1, 5},
		{"chunked, before content", getRequest("/"), -1, 0},
		{"chunked, much", getRequest("/"), -1, 8 << 20},
		{"until the end", "GET / HTTP/1.0\r\n\r\n", -1, 5},
		{"until the end, before content", "GET / HTTP/1.0\r\n\r\n", -1, 0},
		{"until the end, much", "GET / HTTP/1.0\r\n\r\n", -1, 8 << 20},
	} {
		s.run("a response that is aborted does not look complete, in any framing", test.name, func(s *suite) {
			if s.network == "unix" && test.content > 0 && strings.Contains(test.request, "HTTP/1.0") {
				s.Skip("a unix socket has no reset: the end is all that there is")
			}
			srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 200, Reason: "OK", ContentLength: test.length}))
				assert.NoError(s, w.Write(pattern(test.content)))
				w.Abort()
			}), Options{})
			c := srv.dial()
			c.send(test.request)
			c.cutShort("GET")
		})
	}
}

func tooLittleContent(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 5}))
		assert.NoError(s, w.Write([]byte("hel")))
	}), Options{})
	srv.get("/").cutShort("GET")
}

func noAnswer(s *suite) {
	srv := s.start(handler(func(httpserver.ResponseWriter, *httpserver.Request) {}), Options{})
	srv.get("/").closedSomehow()
}

var panics = []behaviour{
	{name: "a panic before the answer is a 500", test: panicBefore},
	{name: "a panic within the answer cuts it short", test: panicWithin},
	{name: "a panic with http.ErrAbortHandler is an abort", test: panicAbort},
}

func panicBefore(s *suite) {
	for name, begin := range map[string]handler{
		"at once":        func(httpserver.ResponseWriter, *httpserver.Request) {},
		"after the head": func(w httpserver.ResponseWriter, r *httpserver.Request) { _ = w.WriteHead(chunkedHead()) },
		"after a file was given": func(w httpserver.ResponseWriter, r *httpserver.Request) {
			_ = w.WriteHead(chunkedHead())
			_ = w.SendFile(s.tempFile([]byte("file")), 0, 4)
		},
	} {
		s.run("a panic before the answer is a 500", name, func(s *suite) {
			srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				if string(r.Target) == "/again" {
					answer(w, r, "ok")
					return
				}
				begin(w, r)
				panic("what a mess")
			}), Options{Threads: 1})
			for range 3 {
				res, content := srv.get("/").response("GET")
				assert.Equal(s, http.StatusInternalServerError, res.StatusCode)
				assert.NotContains(s, content, "mess")
			}
			srv.dial().open()
			assert.Contains(s, srv.log.String(), "what a mess")
		})
	}
}

func panicWithin(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		_ = w.WriteHead(chunkedHead())
		_ = w.Write([]byte("hello"))
		panic("what a mess")
	}), Options{})
	srv.get("/").cutShort("GET")
}

func panicAbort(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		_ = w.WriteHead(chunkedHead())
		panic(http.ErrAbortHandler)
	}), Options{})
	srv.get("/").closedSomehow()
	assert.NotContains(s, srv.log.String(), "panic")
}
