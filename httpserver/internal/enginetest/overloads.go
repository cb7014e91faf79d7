package enginetest

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

var overloads = []behaviour{
	{name: "a request for which the queue has no room is refused with 503", test: queueFull},
	{name: "a request that has waited too long is refused with 503 while all threads are busy", test: queueAge},
	{name: "more connections than allowed are closed at once", test: maxConnections},
	{name: "more connections of one address than allowed are closed at once", test: maxPerAddress},
	{name: "connections of an address that many clients share are not counted", test: sharedAddress},
	{name: "what needs no thread goes on while all threads are busy", test: busyThreads},
	{name: "queued requests run when a thread is free, and know how long they waited", test: queuedRun},
}

// busy has all threads of a server with n of them inside the handler.
func (s *suite) busy(n int, o Options) (*server, *gate, []*client) {
	s.Helper()
	g := newGate(text("ok"))
	o.Threads = n
	srv := s.start(g, o)
	var inside []*client
	for range n {
		inside = append(inside, srv.get("/wait"))
	}
	for range n {
		wait(s, g.entered)
	}
	return srv, g, inside
}

// finish lets the requests inside go on and expects their answers.
func (g *gate) finish(inside []*client) {
	g.open()
	for _, c := range inside {
		c.Helper()
		c.expect(200, "ok")
	}
}

func queueFull(s *suite) {
	srv, g, inside := s.busy(2, Options{Queue: 3})
	answers := make(chan *http.Response, 8)
	for range cap(answers) {
		c := srv.get("/")
		go func() {
			res, err := http.ReadResponse(c.r, nil)
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
			}
			if !assert.NoError(s, err) {
				res = &http.Response{}
			}
			answers <- res
		}()
	}
	for range 5 { // those that are refused are answered while the others wait
		res := wait(s, answers)
		assert.Equal(s, http.StatusServiceUnavailable, res.StatusCode)
		assert.Equal(s, "1", res.Header.Get("Retry-After"))
	}
	g.finish(inside)
	for range 3 {
		assert.Equal(s, http.StatusOK, wait(s, answers).StatusCode)
	}
	srv.limited("queue_full", 5, "the queue for the threads is full")
	inside[0].open()
}

func (c *client) response503() *http.Response {
	c.Helper()
	res, _ := c.response("GET")
	assert.Equal(c, http.StatusServiceUnavailable, res.StatusCode)
	return res
}

func queueAge(s *suite) {
	srv, g, inside := s.busy(2, Options{Limits: httpserver.Limits{QueueAge: short}})
	old := srv.get("/")
	post := srv.dial()
	post.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	for _, c := range []*client{old, post} {
		res := c.response503()
		assert.NotEmpty(s, res.Header.Get("Retry-After"))
		assert.True(s, res.Close)
	}
	srv.limited("queue_aged", 2, "it waited too long for a thread")
	g.finish(inside)
	srv.get("/").expect(200, "ok")
}

func maxConnections(s *suite) {
	srv := s.start(text("ok"), Options{Limits: httpserver.Limits{MaxConnections: 3}})
	clients := make([]*client, 3)
	for i := range clients { // none is idle: an engine may close those first
		clients[i] = srv.get("/")
		clients[i].expect(200, "ok")
		clients[i].send("GET / HTTP/1.1\r\n")
	}
	srv.dial().closedSomehow()
	srv.limited("too_many_connections", 1, "there are as many as are allowed")
	clients[0].Close()
	srv.counted("connections", 2)
	srv.get("/").expect(200, "ok")
	clients[1].send("Host: a\r\n\r\n")
	clients[1].expect(200, "ok")
}

func maxPerAddress(s *suite) {
	srv := s.start(text("ok"), Options{Limits: httpserver.Limits{MaxConnectionsPerAddress: 2}})
	if s.network == "unix" {
		for range 5 { // a unix socket has no addresses: it is a proxy's
			srv.get("/").expect(200, "ok")
		}
		return
	}
	first, second := srv.dialFrom("127.0.0.1"), srv.dialFrom("127.0.0.1")
	first.open()
	second.open()
	srv.dialFrom("127.0.0.1").closedSomehow()
	srv.limited("too_many_of_address", 1, "address=127.0.0.1")
	srv.dialFrom("127.0.0.2").open()
	first.Close()
	srv.counted("connections", 2)
	srv.dialFrom("127.0.0.1").open()
	second.open()
	srv.dialFrom("127.0.0.1").closedSomehow()
}

func sharedAddress(s *suite) {
	proxy := func(peer netip.Addr) bool { return peer == netip.MustParseAddr("127.0.0.3") }
	srv := s.start(text("ok"), Options{Limits: httpserver.Limits{MaxConnectionsPerAddress: 1}, Options: httpserver.Options{SharedAddress: proxy}})
	if s.network == "unix" {
		s.Skip("a unix socket has no addresses")
	}
	for range 5 {
		srv.dialFrom("127.0.0.3").open()
	}
	srv.dialFrom("127.0.0.1").open()
	srv.dialFrom("127.0.0.1").closedSomehow()
}

// dialFrom connects from an address of this machine's.
func (srv *server) dialFrom(address string) *client {
	srv.Helper()
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	c, err := from.Dial(srv.network, srv.addr)
	require.NoError(srv, err)
	return srv.client(c)
}

func busyThreads(s *suite) {
	srv, g, inside := s.busy(2, Options{Options: httpserver.Options{MaxBody: 1000, HeaderTimeout: short, IdleTimeout: short}})
	bad := srv.dial()
	bad.send("GET / HTTP/1.1\r\nHost : a\r\n\r\n")
	bad.refused(http.StatusBadRequest)
	large := srv.dial()
	large.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n")
	large.refused(http.StatusRequestEntityTooLarge)
	srv.dial().closed() // its time runs out
	upload := srv.dial()
	upload.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n" + strings.Repeat("x", 500))
	g.finish(append(inside, upload))
}

func queuedRun(s *suite) {
	var queued atomic.Int64
	g := newGate(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		if r.Queued > 0 && !r.Arrived.IsZero() {
			queued.Add(1)
		}
		echo(w, r)
	})
	srv := s.start(g, Options{Threads: 1})
	first := srv.get("/wait")
	wait(s, g.entered)
	waiting := make([]*client, 50)
	for i := range waiting {
		waiting[i] = srv.dial()
		waiting[i].send(pipeline(20))
	}
	last := srv.dial() // is refused when those have been read, or most of them
	last.send("x y z\r\n")
	last.refused(http.StatusBadRequest)
	g.open()
	first.expect(200, "/wait ")
	for _, c := range waiting {
		c.expectPipeline(20)
	}
	assert.NotZero(s, queued.Load())
}
