package enginetest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

var timeouts = []behaviour{
	{name: "a connection on which nothing comes is closed", test: neverUsed},
	{name: "a head that is not complete in time is refused with 408", test: slowHead},
	{name: "a head that comes byte by byte gets no more time", test: trickledHead},
	{name: "a connection without a next request is closed", test: idleTimeout},
	{name: "a response that takes long is not an idle connection", test: longResponse},
	{name: "content that comes too slowly is refused with 408", test: slowBody},
	{name: "content that came fast buys no silence", test: fastThenSlow},
	{name: "a refused client that does not close is closed in the end", test: lingerEnds},
}

func neverUsed(s *suite) {
	srv := s.start(text("ok"), Options{Options: httpserver.Options{HeaderTimeout: short}})
	srv.dial().closed()
}

func slowHead(s *suite) {
	for name, before := range map[string]string{"the first": "", "the second": getRequest("/")} {
		s.run("a head that is not complete in time is refused with 408", name, func(s *suite) {
			srv := s.start(text("ok"), Options{Options: httpserver.Options{HeaderTimeout: short}})
			c := srv.dial()
			c.send(before + "GET / HTTP/1.1\r\nHo")
			if before != "" {
				c.expect(200, "ok")
			}
			res, _ := c.response("GET")
			assert.Equal(s, http.StatusRequestTimeout, res.StatusCode)
			assert.True(s, res.Close)
			c.halfClose()
			c.closed()
			srv.limited("header_timeouts", 1, "the head of a request was not complete in time")
		})
	}
}

func trickledHead(s *suite) {
	srv := s.start(text("ok"), Options{Options: httpserver.Options{HeaderTimeout: short}})
	c := srv.dial()
	c.send("GET / HTTP/1.1\r\nA: ")
	go func() {
		for {
			if _, err := io.WriteString(c.Conn, "a"); err != nil {
				return
			}
			time.Sleep(short / 20)
		}
	}()
	_, err := c.r.Peek(1) // the answer, or the end
	assert.NotErrorIs(s, err, os.ErrDeadlineExceeded)
	c.Close()
	srv.counted("header_timeouts", 1)
}

func idleTimeout(s *suite) {
	srv := s.start(text("ok"), Options{Options: httpserver.Options{IdleTimeout: short}})
	c := srv.get("/")
	c.expect(200, "ok")
	c.closed()
	srv.counted("connections", 0)
	srv.limited("idle_timeouts", 1, "no request came in time")
}

func longResponse(s *suite) {
	g := newGate(text("ok"))
	srv := s.start(g, Options{Threads: 1, Options: httpserver.Options{IdleTimeout: short, HeaderTimeout: short}})
	c := srv.get("/wait")
	wait(s, g.entered)
	other := srv.dial() // whose time runs out meanwhile
	other.closed()
	g.open()
	c.expect(200, "ok")
}

func slowBody(s *suite) {
	for name, request := range map[string]string{
		"declared": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello",
		"chunked":  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
	} {
		s.run("content that comes too slowly is refused with 408", name, func(s *suite) {
			srv := s.start(text("ok"), Options{Limits: httpserver.Limits{BodyGrace: short, BodyRate: 1000}})
			c := srv.dial()
			c.send(request)
			res, _ := c.response("POST")
			assert.Equal(s, http.StatusRequestTimeout, res.StatusCode)
			srv.limited("body_timeouts", 1, "the content of a request came too slowly")
		})
		s.run("content that comes too slowly is refused with 408", name+", streamed", func(s *suite) {
			failed := make(chan error, 1)
			srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
				_, err := io.ReadAll(r.Body)
				failed <- err
				answer(w, r, "sorry")
			}), Options{Limits: httpserver.Limits{BodyGrace: short, BodyRate: 1000}, Options: httpserver.Options{StreamRequests: true}})
			c := srv.dial()
			c.send(request)
			assert.ErrorIs(s, wait(s, failed), io.ErrUnexpectedEOF)
			assert.True(s, c.expect(200, "sorry").Close)
			srv.limited("body_timeouts", 1, "the content of a request is cut off: it came too slowly")
		})
	}
}

// fastThenSlow sends all but the last bytes at once: by the average it could take a quarter of an hour for these.
func fastThenSlow(s *suite) {
	const size = 1 << 20
	for name, more := range map[string]string{"then silence": "", "then a byte now and then": "x"} {
		for buffering, streams := range map[string]bool{"": false, ", streamed": true} {
			s.run("content that came fast buys no silence", name+buffering, func(s *suite) {
				srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
					_, err := io.Copy(io.Discard, r.Body)
					assert.ErrorIs(s, err, io.ErrUnexpectedEOF)
					answer(w, r, "sorry")
				}), Options{Limits: httpserver.Limits{BodyGrace: short, BodyRate: 1000}, Options: httpserver.Options{StreamRequests: streams}})
				c := srv.dial()
				c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size+10000))
				c.send(string(make([]byte, size)))
				go func() {
					for more != "" {
						if _, err := io.WriteString(c.Conn, more); err != nil {
							return
						}
						time.Sleep(short / 10)
					}
				}()
				res, _ := c.response("POST")
				if streams {
					assert.Equal(s, http.StatusOK, res.StatusCode)
				} else {
					assert.Equal(s, http.StatusRequestTimeout, res.StatusCode)
				}
				srv.counted("body_timeouts", 1)
			})
		}
	}
}

func lingerEnds(s *suite) {
	for name, more := range map[string]string{"silent": "", "sending": "x"} {
		s.run("a refused client that does not close is closed in the end", name, func(s *suite) {
			srv := s.start(text("ok"), Options{Limits: httpserver.Limits{Linger: short}, Options: httpserver.Options{MaxBody: 10}})
			c := srv.dial()
			c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", 1<<40))
			go func() {
				for more != "" {
					if _, err := io.WriteString(c.Conn, more); err != nil {
						return
					}
				}
			}()
			res, _ := c.response("POST")
			assert.Equal(s, http.StatusRequestEntityTooLarge, res.StatusCode)
			srv.counted("connections", 0)
		})
	}
}
