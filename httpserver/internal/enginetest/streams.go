package enginetest

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

var streams = []behaviour{
	{name: "streamed content is read while it comes", test: streamedWhileComing},
	{name: "streamed content may be larger than any buffer", test: streamedLarge},
	{name: "streamed content that is left unread closes the connection after the answer", test: streamedUnread},
	{name: "streamed content that breaks off is an error for the handler", test: streamedBroken},
	{name: "streamed content beyond the limit is an error for the handler", test: streamedTooLarge},
	{name: "an answer that has begun is not interrupted by 100-continue", test: streamedLateRead},
}

func streaming(more Options) Options {
	more.StreamRequests = true
	return more
}

func streamedWhileComing(s *suite) {
	pieces := make(chan string, 10)
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.Equal(s, int64(-1), r.ContentLength)
		piece := make([]byte, 100)
		for {
			n, err := r.Body.Read(piece)
			if n > 0 {
				pieces <- string(piece[:n])
			}
			if err != nil {
				assert.Equal(s, io.EOF, err)
				break
			}
		}
		answer(w, r, "ok")
	}), streaming(Options{}))
	c := srv.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, piece := range []string{"one", "two", "three"} {
		c.send(fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece))
		assert.Equal(s, piece, wait(s, pieces))
	}
	c.send("0\r\n\r\n")
	c.expect(200, "ok")
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	c.expect(200, "ok")
}

func streamedLarge(s *suite) {
	content := string(pattern(9 << 20))
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		got, err := io.ReadAll(r.Body)
		assert.NoError(s, err)
		assert.True(s, string(got) == content)
		answer(w, r, "ok")
	}), streaming(Options{}))
	c := srv.dial()
	c.sendInBackground(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(content), content) +
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(content, 99999))
	c.expect(200, "ok")
	c.expect(200, "ok")
}

func streamedUnread(s *suite) {
	content := string(pattern(6 << 20))
	for name, length := range map[string]int{"a small answer": 10, "a large answer": 6 << 20} {
		s.run("streamed content that is left unread closes the connection after the answer", name, func(s *suite) {
			srv := s.start(text(content[:length]), streaming(Options{}))
			c := srv.dial()
			c.sendInBackground("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6291456\r\n\r\n" + content)
			res := c.expect(200, content[:length])
			assert.True(s, res.Close)
			c.halfClose()
			c.closed()
		})
	}
}

func streamedBroken(s *suite) {
	for name, content := range map[string]string{"cut off": "5\r\nhel", "malformed": "5\r\nhelloX", "a bad size": "+5\r\nhello\r\n"} {
		s.run("streamed content that breaks off is an error for the handler", name, func(s *suite) {
			failed := make(chan error, 1)
			srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				_, err := io.ReadAll(r.Body)
				failed <- err
			}), streaming(Options{}))
			c := srv.dial()
			c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + content)
			c.halfClose()
			assert.ErrorIs(s, wait(s, failed), io.ErrUnexpectedEOF)
			c.closedSomehow()
		})
	}
}

func streamedTooLarge(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		_, err := io.ReadAll(r.Body)
		assert.ErrorIs(s, err, io.ErrUnexpectedEOF)
		answer(w, r, "no")
	}), streaming(Options{Options: httpserver.Options{MaxBody: 1000}}))
	c := srv.dial()
	c.sendInBackground("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(strings.Repeat("x", 100000), 500))
	assert.True(s, c.expect(200, "no").Close)
	c = srv.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n")
	c.refused(http.StatusRequestEntityTooLarge)
}

func streamedLateRead(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 10}))
		assert.NoError(s, w.Write([]byte("hello")))
		got, err := io.ReadAll(r.Body)
		assert.NoError(s, err)
		assert.NoError(s, w.Write(got))
	}), streaming(Options{}))
	c := srv.dial()
	c.send(expecting + "Content-Length: 5\r\n\r\n")
	res, err := http.ReadResponse(c.r, nil)
	require.NoError(s, err)
	assert.Equal(s, 200, res.StatusCode)
	c.send("world")
	content, err := io.ReadAll(res.Body)
	assert.NoError(s, err)
	assert.Equal(s, "helloworld", string(content))
}
