package enginetest

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

var slowReaders = []behaviour{
	{name: "a client that does not read does not hold the handler", test: spooledResponse},
	{name: "the handler waits when too much of a response is left", test: backPressure},
	{name: "a client that never reads is cut off", test: writeTimeout},
	{name: "a client that never reads is cut off though it goes on sending", test: writeTimeoutWhileSending},
}

func spooledResponse(s *suite) {
	content := pattern(16 << 20)
	for name, pieces := range map[string]int{"at once": 1, "in pieces": 1000} {
		s.run("a client that does not read does not hold the handler", name, func(s *suite) {
			returned := make(chan bool, 1)
			srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				assert.NoError(s, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: int64(len(content))}))
				for i := range pieces {
					assert.NoError(s, w.Write(content[len(content)*i/pieces:len(content)*(i+1)/pieces]))
				}
				returned <- true
			}), Options{Threads: 1})
			c := srv.get("/")
			wait(s, returned)
			c.expect(200, string(content))
			c.send(getRequest("/"))
			c.expect(200, string(content))
		})
	}
}

// kernelBuffers is more than what two sockets hold.
const kernelBuffers = 16 << 20

func backPressure(s *suite) {
	piece := pattern(256 << 10)
	const pieces, buffer = 256, 1 << 20
	var written, read, ahead atomic.Int64
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(s, w.WriteHead(chunkedHead()))
		for range pieces {
			assert.NoError(s, w.Write(piece))
			if n := written.Add(int64(len(piece))) - read.Load(); n > ahead.Load() {
				ahead.Store(n)
			}
		}
	}), Options{ResponseBuffer: buffer, Options: httpserver.Options{SpoolDir: s.TempDir()}})
	c := srv.get("/")
	s.eventually(func() bool { return written.Load() >= buffer }, "the handler may be that much ahead")
	c.r.Reset(io.TeeReader(c.Conn, counter{&read}))
	res, content := c.response("GET")
	assert.Equal(s, 200, res.StatusCode)
	assert.Len(s, content, pieces*len(piece))
	assert.Less(s, ahead.Load(), int64(buffer+len(piece)+kernelBuffers), "the handler got ahead of the client")
}

// counter counts what is written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

func writeTimeout(s *suite) {
	for name, limit := range map[string]int64{"the handler waits": 1 << 20, "the handler is through": 1 << 30} {
		s.run("a client that never reads is cut off", name, func(s *suite) {
			result := make(chan error, 1)
			srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				err := w.WriteHead(chunkedHead())
				for i := 0; i < 100 && err == nil; i++ {
					err = w.Write(pattern(256 << 10))
				}
				result <- err
			}), Options{ResponseBuffer: limit, WriteTimeout: short, Options: httpserver.Options{SpoolDir: s.TempDir()}})
			c := srv.get("/")
			if err := wait(s, result); limit < 1<<30 {
				assert.ErrorIs(s, err, httpserver.ErrDisconnected)
			} else {
				assert.NoError(s, err)
			}
			srv.counted("WriteTimeouts", 1)
			srv.counted("Connections", 0)
			c.cutShort("GET")
		})
	}
}

func writeTimeoutWhileSending(s *suite) {
	srv := s.start(text(string(pattern(16<<20))), Options{WriteTimeout: short})
	c := srv.get("/")
	go func() {
		for {
			if _, err := io.WriteString(c.Conn, "x"); err != nil {
				return
			}
			time.Sleep(short / 20) // else there is no room for more soon
		}
	}()
	srv.counted("WriteTimeouts", 1)
	srv.counted("Connections", 0)
}
