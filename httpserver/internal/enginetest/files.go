package enginetest

import (
	"io"
	"os"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

var files = []behaviour{
	{name: "a file is sent after the handler, in every framing", test: sentFiles},
	{name: "a file follows content", test: fileAfterContent},
	{name: "a file that is shorter than announced is cut short", test: shortFile},
	{name: "a client that reads a file slowly holds no thread", test: slowFile},
	{name: "a file is closed when the client is gone", test: abandonedFile},
	{name: "a file that cannot be sent is closed at once", test: refusedFile},
}

// sendFile answers by n bytes of f from offset. length is Head.ContentLength.
func (s *suite) sendFile(f func() *os.File, length, offset, n int64) handler {
	return func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 200, Reason: "OK", ContentLength: length}))
		assert.NoError(s, w.SendFile(f(), offset, n))
		assert.Error(s, w.Write([]byte("x")), "the file is the rest of the response")
	}
}

func sentFiles(s *suite) {
	content := pattern(9 << 20)
	for _, test := range []struct {
		name         string
		offset, n    int64
		announced    bool
		request, end string
	}{
		{"with a length", 0, 9 << 20, true, getRequest("/"), ""},
		{"a piece", 12345, 1 << 20, true, getRequest("/"), ""},
		{"chunked", 5, 1 << 20, false, getRequest("/"), ""},
		{"nothing", 5, 0, true, getRequest("/"), ""},
		{"nothing, chunked", 5, 0, false, getRequest("/"), ""},
		{"until the end", 7, 1 << 20, false, "GET / HTTP/1.0\r\n\r\n", "closed"},
	} {
		s.run("a file is sent after the handler, in every framing", test.name, func(s *suite) {
			length := test.n
			if !test.announced {
				length = -1
			}
			srv := s.start(s.sendFile(func() *os.File { return s.tempFile(content) }, length, test.offset, test.n), Options{})
			c := srv.dial()
			c.send(test.request)
			c.expect(200, string(content[test.offset:test.offset+test.n]))
			if test.end == "closed" {
				c.closed()
				return
			}
			c.send(test.request + test.request)
			c.expect(200, string(content[test.offset:test.offset+test.n]))
			c.expect(200, string(content[test.offset:test.offset+test.n]))
		})
	}
}

func fileAfterContent(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(s, w.WriteHead(chunkedHead()))
		assert.NoError(s, w.Write([]byte("before ")))
		assert.NoError(s, w.SendFile(s.tempFile([]byte("a file")), 2, 4))
	}), Options{})
	c := srv.get("/")
	c.expect(200, "before file")
	c.open()
}

func shortFile(s *suite) {
	for _, test := range []struct {
		name, request string
		length        int64
	}{
		{"with a length", getRequest("/"), 5000}, {"chunked", getRequest("/"), -1},
	} {
		s.run("a file that is shorter than announced is cut short", test.name, func(s *suite) {
			srv := s.start(s.sendFile(func() *os.File { return s.tempFile(pattern(3000)) }, test.length, 0, 5000), Options{})
			c := srv.dial()
			c.send(test.request)
			c.cutShort("GET")
		})
	}
	s.run("a file that is shorter than announced is cut short", "than the response", func(s *suite) {
		srv := s.start(s.sendFile(func() *os.File { return s.tempFile(pattern(3000)) }, 5000, 0, 3000), Options{})
		srv.get("/").cutShort("GET")
	})
}

func slowFile(s *suite) {
	content := pattern(16 << 20)
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		if string(r.Target) != "/file" {
			answer(w, r, "ok")
			return
		}
		assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: int64(len(content))}))
		assert.NoError(s, w.SendFile(s.tempFile(content), 0, int64(len(content))))
	}), Options{Threads: 1})
	slow := make([]*client, 5)
	for i := range slow {
		slow[i] = srv.get("/file")
		_, err := slow[i].r.Peek(1)
		require.NoError(s, err)
	}
	srv.get("/").expect(200, "ok")
	for _, c := range slow {
		c.expect(200, string(content))
	}
}

func abandonedFile(s *suite) {
	sent := make(chan *os.File, 1)
	srv := s.start(s.sendFile(func() *os.File {
		f := s.tempFile(pattern(16 << 20))
		sent <- f
		return f
	}, 16<<20, 0, 16<<20), Options{})
	c := srv.get("/")
	f := wait(s, sent)
	_, err := io.CopyN(io.Discard, c.r, 1000)
	require.NoError(s, err)
	c.abort()
	s.closes(f)
}

// closes waits until somebody has closed f.
func (s *suite) closes(f *os.File) {
	s.Helper()
	s.eventually(func() bool {
		_, err := f.Stat()
		return err != nil
	}, "the file is still open")
}

func refusedFile(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		for _, section := range [][2]int64{{-1, 5}, {0, -5}, {0, 100}} {
			f := s.tempFile([]byte("content"))
			if section[1] == 100 {
				assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: 2}))
			}
			assert.Error(s, w.SendFile(f, section[0], section[1]))
			_, err := f.Stat()
			assert.Error(s, err, "it is still open")
		}
		assert.NoError(s, w.Write([]byte("ok")))
	}), Options{})
	srv.get("/").expect(200, "ok")
}
