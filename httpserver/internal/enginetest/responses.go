package enginetest

import (
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

var responses = []behaviour{
	{name: "a response goes out byte for byte as the handler gave it", test: exactResponse},
	{name: "content of unknown length is chunked byte for byte", test: exactChunks},
	{name: "Date and Server stand in a response once", test: dateAndServer},
	{name: "the handler's own Date and Server are kept", test: ownDateAndServer},
	{name: "a reason phrase of the handler's own is sent", test: ownReason},
	{name: "responses without content have none", test: noContent},
	{name: "content beyond the announced length is refused", test: tooMuchContent},
	{name: "a request has its ends, its id and its times", test: requestEnds},
}

func exactResponse(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 201, Reason: "Created", ContentLength: 5, Fields: []httpserver.HeaderField{
			{Name: "x-ONE", Value: "1"}, {Name: "Set-Cookie", Value: "a=b"}, {Name: "A", Value: "caf\xe9"}, {Name: "Set-Cookie", Value: "c=d"},
		}}))
		assert.NoError(s, w.Write([]byte("hel")))
		assert.NoError(s, w.Write(nil))
		assert.NoError(s, w.Write([]byte("lo")))
	}), Options{})
	c := srv.dial()
	c.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	assert.Equal(s, lines("HTTP/1.1 201 Created", "x-ONE: 1", "Set-Cookie: a=b", "A: caf\xe9", "Set-Cookie: c=d",
		"Server: pyserve", "Date: D", "Content-Length: 5", "Connection: close", "", "hello"), withoutDate(c.rest()))
}

func exactChunks(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(s, w.WriteHead(chunkedHead()))
		for _, piece := range []string{"hello", "", strings.Repeat("x", 20000), "!"} {
			assert.NoError(s, w.Write([]byte(piece)))
		}
	}), Options{})
	c := srv.dial()
	c.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	_, content, _ := strings.Cut(c.rest(), "\r\n\r\n")
	assert.Equal(s, lines("5", "hello", "4e20", strings.Repeat("x", 20000), "1", "!", "0", "", ""), content)
}

func dateAndServer(s *suite) {
	srv := s.start(text("ok"), Options{})
	res := srv.get("/").expect(200, "ok")
	assert.Len(s, res.Header["Date"], 1)
	assert.Equal(s, []string{"pyserve"}, res.Header["Server"])
	assert.Equal(s, int64(2), res.ContentLength)
	assert.Equal(s, 1, res.ProtoMinor)
}

func ownDateAndServer(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 0, Fields: []httpserver.HeaderField{
			{Name: "server", Value: "mine"}, {Name: "DATE", Value: "today"},
		}}))
	}), Options{})
	res := srv.get("/").expect(200, "")
	assert.Equal(s, []string{"today"}, res.Header["Date"])
	assert.Equal(s, []string{"mine"}, res.Header["Server"])
}

func ownReason(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 299, Reason: "As You Like It"}))
	}), Options{})
	res := srv.get("/").expect(299, "")
	assert.Equal(s, "299 As You Like It", res.Status)
}

func noContent(s *suite) {
	for _, test := range []struct {
		name, method string
		status       int
		length       int64
		sent         string // Content-Length on the wire
	}{
		{"HEAD with a length", "HEAD", 200, 5, "5"},
		{"HEAD without a length", "HEAD", 200, -1, ""},
		{"204", "GET", 204, -1, ""},
		{"204 with a length", "GET", 204, 0, ""},
		{"304", "GET", 304, -1, ""},
		{"304 with a length", "GET", 304, 7, "7"},
	} {
		s.run("responses without content have none", test.name, func(s *suite) {
			srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				assert.NoError(s, w.WriteHead(&httpserver.Head{Status: test.status, ContentLength: test.length, NoContent: true}))
				assert.Error(s, w.Write([]byte("x")))
			}), Options{})
			c := srv.dial()
			request := test.method + " / HTTP/1.1\r\nHost: a\r\n"
			c.send(request + "\r\n" + request + "Connection: close\r\n\r\n")
			for range 2 {
				res, content := c.response(test.method)
				assert.Equal(s, test.status, res.StatusCode)
				assert.Empty(s, content)
				assert.Equal(s, test.sent, res.Header.Get("Content-Length"))
				assert.Empty(s, res.TransferEncoding)
			}
			c.closed()
		})
	}
}

func tooMuchContent(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.Error(s, w.Write([]byte("early")))
		assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 2}))
		assert.Error(s, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 2}))
		assert.NoError(s, w.Write([]byte("o")))
		assert.Error(s, w.Write([]byte("kk")))
		assert.NoError(s, w.Write([]byte("k")))
	}), Options{})
	c := srv.get("/")
	c.expect(200, "ok")
	c.open()
}

func requestEnds(s *suite) {
	requests := make(chan httpserver.Request, 2)
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		requests <- *r
		answer(w, r, "ok")
	}), Options{})
	c := srv.get("/")
	c.expect(200, "ok")
	first := <-requests
	c.open()
	second := <-requests
	assert.NotEmpty(s, first.ID)
	assert.NotEqual(s, first.ID, second.ID)
	assert.False(s, second.Arrived.Before(first.Arrived))
	assert.Equal(s, "http", first.Scheme)
	if s.network == "tcp" {
		assert.Equal(s, c.LocalAddr().String(), first.Remote.String())
		assert.Equal(s, c.RemoteAddr().String(), first.Local.String())
	} else {
		require.False(s, first.Remote.IsValid() || first.Local.IsValid())
	}
}
