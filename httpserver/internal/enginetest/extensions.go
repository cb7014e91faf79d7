package enginetest

import (
	"io"
	"os"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

var extensions = []behaviour{
	{name: "what needs no thread is answered while all threads are busy", test: earlyAnswer},
	{name: "an early answer reads no content, and keeps what follows small content", test: earlyContent},
	{name: "an early answer that panics is a 500", test: earlyPanic},
	{name: "interim responses come before the response", test: interim},
	{name: "interim responses are for those who know them, and come in order", test: noInterim},
	{name: "a handler takes a connection over", test: hijack},
	{name: "a connection is not taken over in the middle of a response", test: noHijack},
	{name: "Abort ends a connection that was taken over", test: hijackAborted},
}

// earlyText answers requests for /early with content.
func earlyText(content string) httpserver.Early {
	return func(r *httpserver.Request) func(w httpserver.ResponseWriter) {
		if string(r.Target) != "/early" {
			return nil
		}
		method := string(r.Method)
		return func(w httpserver.ResponseWriter) {
			answer(w, &httpserver.Request{Method: []byte(method)}, content)
		}
	}
}

func earlyAnswer(s *suite) {
	srv, g, inside := s.busy(2, Options{Options: httpserver.Options{Early: earlyText("early")}})
	c := srv.get("/early")
	c.expect(200, "early")
	c.send("HEAD /early HTTP/1.1\r\nHost: a\r\n\r\n")
	res, _ := c.response("HEAD")
	assert.Equal(s, int64(5), res.ContentLength)
	srv.counted("early", 2)
	g.finish(inside)
	c.send(getRequest("/other") + getRequest("/early"))
	c.expect(200, "ok")
	c.expect(200, "early")
}

func earlyContent(s *suite) {
	srv := s.start(text("ok"), Options{Options: httpserver.Options{Early: earlyText("early")}})
	c := srv.dial()
	c.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
	if res := c.expect(200, "early"); !res.Close {
		c.send(getRequest("/"))
		c.expect(200, "ok")
	}
	c = srv.dial()
	c.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\nhel")
	assert.True(s, c.expect(200, "early").Close)
	c = srv.dial()
	c.send("POST /early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5")
	assert.True(s, c.expect(200, "early").Close)
}

func earlyPanic(s *suite) {
	srv := s.start(text("ok"), Options{Options: httpserver.Options{Early: func(r *httpserver.Request) func(httpserver.ResponseWriter) {
		if string(r.Target) != "/early" {
			return nil
		}
		return func(httpserver.ResponseWriter) { panic("early") }
	}}})
	c := srv.get("/early")
	res, _ := c.response("GET")
	assert.Equal(s, 500, res.StatusCode)
	srv.get("/").expect(200, "ok")
}

func interim(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		i, ok := httpserver.Extension[httpserver.Interimer](w)
		require.True(s, ok)
		assert.NoError(s, i.Interim(103, []httpserver.HeaderField{{Name: "Link", Value: "</a.css>; rel=preload"}, {Name: "Link", Value: "</b.js>"}}))
		assert.NoError(s, i.Interim(102, nil))
		answer(w, r, "ok")
	}), Options{})
	c := srv.dial()
	for range 2 { // the second time on the same connection
		c.send(getRequest("/"))
		assert.Equal(s, "HTTP/1.1 103 Early Hints", c.line())
		assert.Equal(s, "Link: </a.css>; rel=preload", c.line())
		assert.Equal(s, "Link: </b.js>", c.line())
		assert.Empty(s, c.line())
		assert.Equal(s, "HTTP/1.1 102 Processing", c.line())
		assert.Empty(s, c.line())
		c.expect(200, "ok")
	}
}

// line reads a line, without its end.
func (c *client) line() string {
	c.Helper()
	line, err := c.r.ReadString('\n')
	require.NoError(c, err)
	return line[:len(line)-2]
}

func noInterim(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		i, _ := httpserver.Extension[httpserver.Interimer](w)
		for _, status := range []int{99, 101, 200} {
			assert.ErrorIs(s, i.Interim(status, nil), httpserver.ErrNoInterim)
		}
		if string(r.Target) == "/old" {
			assert.NoError(s, i.Interim(103, nil))
		}
		answer(w, r, "ok")
		assert.ErrorIs(s, i.Interim(103, nil), httpserver.ErrNoInterim)
	}), Options{})
	c := srv.dial()
	c.send("GET /old HTTP/1.0\r\nHost: a\r\n\r\n")
	assert.Contains(s, c.line(), " 200 ")
	srv.get("/").expect(200, "ok")
}

func hijack(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		h, ok := httpserver.Extension[httpserver.Hijacker](w)
		require.True(s, ok)
		socket, received, err := h.Hijack()
		require.NoError(s, err)
		defer socket.Close()
		assert.ErrorIs(s, w.WriteHead(&httpserver.Head{Status: 200}), httpserver.ErrHeadTwice)
		_, _, err = h.Hijack()
		assert.ErrorIs(s, err, httpserver.ErrNoHijack)
		_, err = socket.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\n")
		assert.NoError(s, err)
		_, _ = socket.Write(received)
		_, _ = io.Copy(socket, socket)
	}), Options{})
	c := srv.dial()
	c.send(getRequest("/") + "one ")
	assert.Equal(s, "HTTP/1.1 101 Switching Protocols", c.line())
	assert.Empty(s, c.line())
	c.send("two three")
	got := make([]byte, len("one two three"))
	_, err := io.ReadFull(c.r, got)
	require.NoError(s, err)
	assert.Equal(s, "one two three", string(got))
	require.NoError(s, c.Conn.(interface{ CloseWrite() error }).CloseWrite())
	assert.Empty(s, c.rest())
	srv.counted("connections", 0)
}

func noHijack(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		h, _ := httpserver.Extension[httpserver.Hijacker](w)
		answer(w, r, "ok")
		_, _, err := h.Hijack()
		assert.ErrorIs(s, err, httpserver.ErrNoHijack)
	}), Options{})
	c := srv.get("/")
	c.expect(200, "ok")
	c.send(getRequest("/"))
	c.expect(200, "ok")
}

func hijackAborted(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		h, _ := httpserver.Extension[httpserver.Hijacker](w)
		socket, _, err := h.Hijack()
		require.NoError(s, err)
		defer socket.Close()
		ended := make(chan error, 1)
		go func(socket *os.File) {
			_, err := socket.Read(make([]byte, 1))
			ended <- err
		}(socket)
		w.Abort()
		assert.ErrorIs(s, wait(s, ended), io.EOF)
	}), Options{})
	srv.get("/").closedSomehow()
	srv.get("/").closedSomehow()
}
