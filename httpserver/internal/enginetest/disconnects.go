package enginetest

import (
	"io"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

var disconnects = []behaviour{
	{name: "a client that has ended its side gets its whole answer", test: halfClosed},
	{name: "a client that has ended its side gets an answer that takes long", test: halfClosedSlow},
	{name: "a client that has ended its side gets all its pipelined answers", test: halfClosedPipeline},
	{name: "a request that breaks off does not reach the handler", test: brokenOff},
	{name: "writing to a client that is gone fails with ErrDisconnected", test: goneWhileWriting},
	{name: "Disconnected tells that the client is gone", test: disconnected},
}

func halfClosed(s *suite) {
	content := string(pattern(6 << 20))
	srv := s.start(text(content), Options{})
	for range 20 {
		c := srv.dial()
		c.send(getRequest("/"))
		c.halfClose()
		c.expect(200, content)
		c.closed()
	}
	srv.counted("connections", 0)
}

func halfClosedSlow(s *suite) {
	g := newGate(text("late"))
	srv := s.start(g, Options{})
	c := srv.get("/wait")
	wait(s, g.entered)
	c.halfClose()
	g.open()
	c.expect(200, "late")
	c.closed()
}

func halfClosedPipeline(s *suite) {
	srv := s.start(handler(echo), Options{Threads: 3})
	clients := make([]*client, 20)
	for i := range clients {
		clients[i] = srv.dial()
		clients[i].send(pipeline(50))
		clients[i].halfClose()
	}
	for _, c := range clients {
		c.expectPipeline(50)
		c.closed()
	}
	srv.counted("connections", 0)
}

func brokenOff(s *suite) {
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.Equal(s, "/again", string(r.Target))
		answer(w, r, "ok")
	}), Options{})
	for _, request := range []string{
		"", "G", "GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
	} {
		c := srv.dial()
		c.send(request)
		c.halfClose()
		_, _ = io.ReadAll(c.r)
		c = srv.dial()
		c.send(request)
		c.abort()
	}
	c := srv.dial()
	c.open()
	c.Close()
	srv.counted("connections", 0)
}

func goneWhileWriting(s *suite) {
	for name, leave := range map[string]func(*client){"closed": func(c *client) { c.Close() }, "reset": (*client).abort} {
		s.run("writing to a client that is gone fails with ErrDisconnected", name, func(s *suite) {
			failed := make(chan error, 1)
			srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				err := w.WriteHead(chunkedHead())
				for piece := pattern(100 << 10); err == nil; {
					err = w.Write(piece)
				}
				failed <- err
				assert.ErrorIs(s, w.Write([]byte("more")), httpserver.ErrDisconnected)
				assert.True(s, w.Disconnected())
			}), Options{})
			c := srv.get("/")
			_, _ = io.CopyN(io.Discard, c.r, 1000)
			leave(c)
			assert.ErrorIs(s, wait(s, failed), httpserver.ErrDisconnected)
			srv.counted("connections", 0)
		})
	}
}

func disconnected(s *suite) {
	entered, seen := make(chan bool, 1), make(chan bool, 1)
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.False(s, w.Disconnected())
		entered <- true
		for end := time.Now().Add(patience); !w.Disconnected() && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		seen <- w.Disconnected()
	}), Options{Threads: 1})
	c := srv.get("/")
	wait(s, entered)
	c.Close()
	assert.True(s, wait(s, seen))
	srv.counted("connections", 0)
}
