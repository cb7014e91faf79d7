package enginetest

import (
	"fmt"
	"io"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

var pipelines = []behaviour{
	{name: "a thousand pipelined requests are answered in order", test: thousandPipelined},
	{name: "pipelined requests with content are answered in order", test: pipelinedBodies},
	{name: "a pipelined request that is cut anywhere is answered", test: pipelinedCut},
	{name: "requests behind a response that is taken slowly wait for it", test: pipelinedBehindSlow},
	{name: "requests behind the last one are not answered and do not harm it", test: pipelinedBehindLast},
	{name: "many clients that pipeline get their own answers", test: manyPipelined},
}

// echo answers with the target and the content.
func echo(w httpserver.ResponseWriter, r *httpserver.Request) {
	content := ""
	if r.Body != nil {
		p, err := io.ReadAll(r.Body)
		content = string(p)
		if err != nil {
			content = "error: " + err.Error()
		}
	}
	answer(w, r, string(r.Target)+" "+content)
}

func thousandPipelined(s *suite) {
	srv := s.start(handler(echo), Options{})
	c := srv.dial()
	var all strings.Builder
	for i := range 1000 {
		all.WriteString(getRequest(fmt.Sprintf("/%d", i)))
	}
	c.sendInBackground(all.String())
	for i := range 1000 {
		c.expect(200, fmt.Sprintf("/%d ", i))
	}
	c.open()
}

// pipeline is n requests, with a declared length, chunked and without content in turns.
func pipeline(n int) string {
	var all strings.Builder
	for i := range n {
		switch content := fmt.Sprintf("content %d", i); i % 3 {
		case 0:
			fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", i, len(content), content)
		case 1:
			fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nA: b\r\n\r\n", i, len(content), content)
		default:
			all.WriteString(getRequest(fmt.Sprintf("/%d", i)))
		}
	}
	return all.String()
}

func (c *client) expectPipeline(n int) {
	c.Helper()
	for i := range n {
		content := fmt.Sprintf("content %d", i)
		if i%3 == 2 {
			content = ""
		}
		c.expect(200, fmt.Sprintf("/%d %s", i, content))
	}
}

func pipelinedBodies(s *suite) {
	for _, stream := range []bool{false, true} {
		s.run("pipelined requests with content are answered in order", fmt.Sprintf("streamed %v", stream), func(s *suite) {
			srv := s.start(handler(echo), Options{Options: httpserver.Options{StreamRequests: stream}})
			c := srv.dial()
			c.sendInBackground(pipeline(1000))
			c.expectPipeline(1000)
			c.open()
		})
	}
}

func pipelinedCut(s *suite) {
	all := pipeline(4)
	for _, stream := range []bool{false, true} {
		s.run("a pipelined request that is cut anywhere is answered", fmt.Sprintf("streamed %v", stream), func(s *suite) {
			srv := s.start(handler(echo), Options{Options: httpserver.Options{StreamRequests: stream}})
			for cut := range all {
				c := srv.dial()
				c.send(all[:cut])
				// What is complete is answered before the rest is sent, so that the cut is a cut for the server.
				n := 0
				for n < 4 && len(pipeline(n+1)) <= cut {
					n++
				}
				c.expectPipeline(n)
				c.send(all[cut:])
				for i := n; i < 4; i++ {
					res, content := c.response("GET")
					require.Equal(s, 200, res.StatusCode)
					require.True(s, strings.HasPrefix(content, fmt.Sprintf("/%d ", i)), "cut at %d: %q", cut, content)
				}
				c.Close()
			}
		})
	}
}

func pipelinedBehindSlow(s *suite) {
	big := string(pattern(8 << 20))
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		if string(r.Target) == "/big" {
			answer(w, r, big)
			return
		}
		echo(w, r)
	}), Options{})
	c := srv.dial()
	c.sendInBackground(getRequest("/big") + pipeline(30) + getRequest("/big") + getRequest("/end"))
	c.expect(200, big)
	c.expectPipeline(30)
	c.expect(200, big)
	c.expect(200, "/end ")
}

func pipelinedBehindLast(s *suite) {
	content := string(pattern(300 << 10))
	srv := s.start(text(content), Options{})
	c := srv.dial()
	c.sendInBackground("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + strings.Repeat(getRequest("/"), 20000))
	c.expect(200, content)
	c.closed()
}

func manyPipelined(s *suite) {
	srv := s.start(handler(echo), Options{Threads: 4})
	clients := make([]*client, 16)
	for i := range clients {
		clients[i] = srv.dial()
		clients[i].sendInBackground(pipeline(300))
	}
	for _, c := range clients {
		c.expectPipeline(300)
		c.open()
	}
}
