package enginetest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

var shutdowns = []behaviour{
	{name: "Shutdown closes idle connections and waits for running requests", test: shutdownWaits},
	{name: "Shutdown waits for what a slow client has not taken", test: shutdownSlowReader},
	{name: "Shutdown answers requests that wait for a thread", test: shutdownQueued},
	{name: "Shutdown answers requests that came just before it", test: shutdownInFlight},
	{name: "Shutdown does not wait long for clients that were refused", test: shutdownLingering},
	{name: "Shutdown gives up when its time is over, and Close does not wait", test: closeAtOnce},
}

func shutdownWaits(s *suite) {
	g := newGate(text("ok"))
	srv := s.start(g, Options{})
	idle, fresh := srv.dial(), srv.dial()
	idle.open()
	running := srv.get("/wait")
	wait(s, g.entered)
	done := make(chan bool)
	go func() {
		defer close(done)
		srv.shutdown()
	}()
	idle.closed()
	fresh.closedSomehow()
	select {
	case <-done:
		assert.Fail(s, "it did not wait")
	default:
	}
	g.open()
	assert.True(s, running.expect(200, "ok").Close)
	running.closed()
	wait(s, done)
	srv.counted("connections", 0)
}

func shutdownSlowReader(s *suite) {
	content := pattern(16 << 20)
	returned := make(chan bool, 1)
	srv := s.start(handler(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		returned <- true
		answer(w, r, string(content))
	}), Options{})
	c := srv.get("/")
	wait(s, returned)
	done := make(chan bool)
	go func() {
		defer close(done)
		srv.shutdown()
	}()
	c.expect(200, string(content))
	c.closed()
	wait(s, done)
}

func shutdownQueued(s *suite) {
	srv, g, inside := s.busy(1, Options{})
	waiting := make([]*client, 10)
	for i := range waiting {
		waiting[i] = srv.get("/")
	}
	other := srv.dial() // is answered after those were read
	other.send("x y z\r\n")
	res, _ := other.response("GET")
	assert.Equal(s, 400, res.StatusCode)
	other.Close()
	done := make(chan bool)
	go func() {
		defer close(done)
		srv.shutdown()
	}()
	g.finish(append(inside, waiting...))
	for _, c := range waiting {
		c.closed()
	}
	wait(s, done)
}

func shutdownLingering(s *suite) {
	srv := s.start(text("ok"), Options{Limits: httpserver.Limits{Linger: time.Hour}, Options: httpserver.Options{MaxBody: 10}})
	silent, sending := srv.dial(), srv.dial()
	for _, c := range []*client{silent, sending} {
		c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", 1<<40))
		res, _ := c.response("POST")
		assert.Equal(s, http.StatusRequestEntityTooLarge, res.StatusCode)
	}
	go func() {
		for {
			if _, err := io.WriteString(sending.Conn, "more and more"); err != nil {
				return
			}
		}
	}()
	srv.shutdown()
	srv.counted("connections", 0)
}

func shutdownInFlight(s *suite) {
	for range 20 {
		srv := s.start(text("ok"), Options{})
		kept := make([]*client, 10)
		for i := range kept {
			kept[i] = srv.dial()
			kept[i].open()
		}
		for _, c := range kept {
			c.send(getRequest("/"))
		}
		fresh := make([]*client, 10)
		for i := range fresh {
			fresh[i] = srv.get("/")
		}
		srv.shutdown()
		for _, c := range append(kept, fresh...) {
			c.expect(200, "ok")
			c.closed()
		}
		srv.stopped()
	}
}

func closeAtOnce(s *suite) {
	result := make(chan error, 1)
	g := newGate(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		err := w.WriteHead(chunkedHead())
		for err == nil {
			err = w.Write(pattern(100000))
		}
		result <- err
	})
	srv := s.start(g, Options{})
	c := srv.get("/wait")
	wait(s, g.entered)
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	assert.ErrorIs(s, srv.Engine.Shutdown(ctx), context.Canceled)
	require.NoError(s, srv.Engine.Close())
	got, _ := io.ReadAll(c.r)
	assert.Empty(s, got)
	g.open()
	assert.ErrorIs(s, wait(s, result), httpserver.ErrDisconnected)
	srv.counted("connections", 0)
}
