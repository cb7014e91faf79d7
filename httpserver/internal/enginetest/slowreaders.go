package enginetest

import (
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

var slowReaders = []behaviour{
	{name: "a client that does not read does not hold the handler", test: spooledResponse},
	{name: "the handler waits when too much of a response is left", test: backPressure},
	{name: "the handler waits when a response cannot be kept in a file", test: noFileForResponse},
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

// kernelBuffers is more than what two sockets hold, if the client's is one of slowGet's.
const kernelBuffers = 16 << 20

// slowGet is get on a connection whose receive buffer does not grow, as it may on some systems to 32 MiB and more.
func (srv *server) slowGet(target string) *client {
	srv.Helper()
	c := srv.dial()
	require.NoError(srv, c.Conn.(interface{ SetReadBuffer(bytes int) error }).SetReadBuffer(1<<20))
	c.send(getRequest(target))
	return c
}

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
	}), Options{Limits: httpserver.Limits{ResponseBuffer: buffer}, Options: httpserver.Options{SpoolDir: s.TempDir()}})
	c := srv.slowGet("/")
	s.eventually(func() bool { return written.Load() >= buffer }, "the handler may be that much ahead")
	c.r.Reset(io.TeeReader(c.Conn, counter{&read}))
	res, content := c.response("GET")
	assert.Equal(s, 200, res.StatusCode)
	assert.Len(s, content, pieces*len(piece))
	assert.Less(s, ahead.Load(), int64(buffer+len(piece)+kernelBuffers), "the handler got ahead of the client")
}

func noFileForResponse(s *suite) {
	folder := s.TempDir()
	require.NoError(s, os.Remove(folder))
	for name, test := range map[string]struct {
		options httpserver.Options
		line    string
	}{
		"for the bound of all": {httpserver.Options{SpoolDisk: httpserver.NewBudget(100)}, "all temporary files together have reached their limit"},
		"for want of a folder": {httpserver.Options{SpoolDir: folder}, "it cannot be kept; repair the spool directory"},
	} {
		s.run("the handler waits when a response cannot be kept in a file", name, func(s *suite) {
			content := string(pattern(3 * kernelBuffers))
			const pieces = 100
			written := make(chan int, 2*pieces)
			srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				assert.NoError(s, w.WriteHead(chunkedHead()))
				for i := range pieces {
					assert.NoError(s, w.Write([]byte(content[len(content)*i/pieces:len(content)*(i+1)/pieces])))
					written <- i
				}
			}), Options{Options: test.options})
			c := srv.slowGet("/")
			srv.eventually(func() bool { return srv.count("spool_disk_waits") > 0 }, "the handler does not wait")
			assert.Less(s, len(written), pieces*9/10, "the handler got ahead of the client by more than the kernel takes")
			c.expect(200, content)
			assert.Contains(s, srv.log.String(), test.line)
			srv.get("/").expect(200, content)
		})
	}
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
			}), Options{Limits: httpserver.Limits{ResponseBuffer: limit, WriteTimeout: short}, Options: httpserver.Options{SpoolDir: s.TempDir()}})
			c := srv.get("/")
			if err := wait(s, result); limit < 1<<30 {
				assert.ErrorIs(s, err, httpserver.ErrDisconnected)
			} else {
				assert.NoError(s, err)
			}
			srv.limited("write_timeouts", 1, "the client did not take the response in time")
			srv.counted("connections", 0)
			c.cutShort("GET")
		})
	}
}

func writeTimeoutWhileSending(s *suite) {
	srv := s.start(text(string(pattern(16<<20))), Options{Limits: httpserver.Limits{WriteTimeout: short}})
	c := srv.get("/")
	go func() {
		for {
			if _, err := io.WriteString(c.Conn, "x"); err != nil {
				return
			}
			time.Sleep(short / 20) // else there is no room for more soon
		}
	}()
	srv.counted("write_timeouts", 1)
	srv.counted("connections", 0)
}
