package enginetest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

var bodies = []behaviour{
	{name: "content of every size arrives, and can be read again", test: bodySizes},
	{name: "a request that comes byte by byte is read", test: byteByByte},
	{name: "100-continue is answered before the content", test: expectContinue},
	{name: "an unknown expectation is refused with 417", test: unknownExpectation},
	{name: "content beyond the limit is refused with 413 and the answer is read", test: tooLarge},
	{name: "content that cannot be kept is refused with 503", test: noRoom},
	{name: "content is refused with 503 while all temporary files together are too large", test: spoolDisk},
	{name: "a head or a target beyond the limit is refused", test: longHeads},
}

func bodySizes(s *suite) {
	for _, size := range []int{0, 1, 1000, 60 << 10, 64 << 10, 65 << 10, 1 << 20, 5 << 20} {
		content := string(pattern(size))
		for name, request := range map[string]string{
			"declared": fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", size, content),
			"chunked":  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(content, 7777),
		} {
			s.run("content of every size arrives, and can be read again", fmt.Sprintf("%s, %d bytes", name, size), func(s *suite) {
				srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
					assert.Equal(s, int64(size), r.ContentLength)
					if r.Body == nil {
						assert.Zero(s, size)
						answer(w, r, "")
						return
					}
					first, err := io.ReadAll(r.Body)
					assert.NoError(s, err)
					assert.True(s, string(first) == content)
					_, err = r.Body.(io.Seeker).Seek(0, io.SeekStart)
					assert.NoError(s, err)
					second, err := io.ReadAll(r.Body)
					assert.NoError(s, err)
					answer(w, r, string(second))
				}), Options{Options: httpserver.Options{SpoolDir: s.TempDir()}})
				c := srv.dial()
				c.sendInBackground(request)
				c.expect(200, content)
				c.send(request)
				c.expect(200, content)
			})
		}
	}
}

// chunks is content in the chunked coding, in chunks of up to size bytes.
func chunks(content string, size int) string {
	var coded strings.Builder
	for content != "" {
		n := min(len(content), size)
		fmt.Fprintf(&coded, "%x\r\n%s\r\n", n, content[:n])
		content = content[n:]
	}
	return coded.String() + "0\r\n\r\n"
}

func byteByByte(s *suite) {
	for _, stream := range []bool{false, true} {
		s.run("a request that comes byte by byte is read", fmt.Sprintf("streamed %v", stream), func(s *suite) {
			srv := s.start(handler(echo), Options{Options: httpserver.Options{StreamRequests: stream}})
			c := srv.dial()
			for _, b := range []byte(pipeline(3)) {
				c.send(string(b))
			}
			c.expectPipeline(3)
		})
	}
}

const expecting = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"

func expectContinue(s *suite) {
	for _, stream := range []bool{false, true} {
		for name, request := range map[string][2]string{
			"declared": {expecting + "Content-Length: 5\r\n\r\n", "hello"},
			"chunked":  {expecting + "Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"},
		} {
			s.run("100-continue is answered before the content", fmt.Sprintf("%s, streamed %v", name, stream), func(s *suite) {
				srv := s.start(handler(echo), Options{Options: httpserver.Options{StreamRequests: stream}})
				c := srv.dial()
				for range 2 {
					c.send(request[0])
					line := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
					_, err := io.ReadFull(c.r, line)
					require.NoError(s, err)
					assert.Equal(s, "HTTP/1.1 100 Continue\r\n\r\n", string(line))
					c.send(request[1])
					c.expect(200, "/ hello")
				}
			})
		}
	}
}

func unknownExpectation(s *suite) {
	srv := s.start(text("ok"), Options{})
	c := srv.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 5\r\n\r\n")
	c.refused(http.StatusExpectationFailed)
}

func tooLarge(s *suite) {
	content := string(pattern(4 << 20))
	for name, request := range map[string]string{
		"declared":           fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(content), content),
		"declared, expected": expecting + "Content-Length: 2000\r\n\r\n",
		"chunked":            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(content, 50000),
	} {
		s.run("content beyond the limit is refused with 413 and the answer is read", name, func(s *suite) {
			srv := s.start(text("ok"), Options{Options: httpserver.Options{MaxBody: 1000}})
			c := srv.dial()
			c.sendInBackground(request)
			res, _ := c.response("POST")
			assert.Equal(s, http.StatusRequestEntityTooLarge, res.StatusCode)
			assert.True(s, res.Close)
			c.halfClose()
			c.closed()
		})
	}
	s.run("content beyond the limit is refused with 413 and the answer is read", "the limit itself passes", func(s *suite) {
		srv := s.start(text("ok"), Options{Options: httpserver.Options{MaxBody: 1000}})
		c := srv.dial()
		c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(content[:1000], 333))
		c.expect(200, "ok")
	})
}

func noRoom(s *suite) {
	folder := s.TempDir()
	require.NoError(s, os.Remove(folder))
	srv := s.start(text("ok"), Options{Options: httpserver.Options{SpoolDir: folder, BodyBuffer: 1000}})
	c := srv.dial()
	c.sendInBackground(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", 1<<20, pattern(1<<20)))
	res, _ := c.response("POST")
	assert.Equal(s, http.StatusServiceUnavailable, res.StatusCode)
	assert.Equal(s, "1", res.Header.Get("Retry-After"))
	srv.limited("spool_failures", 1, "repair the spool directory, or choose another one")
}

func spoolDisk(s *suite) {
	const size = 600_000 // of which there is room for one
	disk := httpserver.NewBudget(1_000_000)
	g := newGate(text("ok"))
	srv := s.start(g, Options{Options: httpserver.Options{BodyBuffer: 1000, SpoolDisk: disk, SpoolDir: s.TempDir()}})
	post := func(target string) *client {
		c := srv.dial()
		c.sendInBackground(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", target, size, pattern(size)))
		return c
	}
	inside := post("/wait")
	wait(s, g.entered)
	assert.Equal(s, int64(size), disk.Used())
	refused := post("/").response503()
	assert.Equal(s, "1", refused.Header.Get("Retry-After"))
	assert.True(s, refused.Close)
	small := srv.dial()
	small.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
	small.expect(200, "ok")
	srv.limited("spool_disk_refusals", 1, "all temporary files together have reached their limit")
	g.open()
	inside.expect(200, "ok")
	s.eventually(func() bool { return disk.Used() == 0 }, "the room is not given back")
	post("/").expect(200, "ok")
	gone := srv.dial()
	gone.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" + string(pattern(500_000)))
	s.eventually(func() bool { return disk.Used() > 0 }, "nothing is spooled")
	gone.abort()
	s.eventually(func() bool { return disk.Used() == 0 }, "an aborted upload keeps its room")
}

func longHeads(s *suite) {
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"a target of 20 kB": {getRequest("/" + strings.Repeat("a", 20000)), http.StatusRequestURITooLong},
		"a field of 40 kB":  {"GET / HTTP/1.1\r\nHost: a\r\nA: " + strings.Repeat("a", 40000) + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"201 fields":        {"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("A: b\r\n", 200) + "\r\n", http.StatusRequestHeaderFieldsTooLarge},
	} {
		s.run("a head or a target beyond the limit is refused", name, func(s *suite) {
			srv := s.start(text("ok"), Options{Options: httpserver.Options{MaxHeaderBytes: 30000}})
			c := srv.dial()
			c.sendInBackground(test.request + strings.Repeat("x", 100000))
			c.refused(test.status)
		})
	}
}
