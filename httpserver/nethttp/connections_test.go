package nethttp

import (
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// reading returns a connection that is being read, and how that ended.
func reading() (net.Conn, <-chan error) {
	c, _ := net.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	return c, ended
}

func TestExpireEndsTheReadingOfFirstRequestsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connections{counters: new(scoreboard.Counters)}
		fresh, freshEnded := reading()
		busy, busyEnded := reading()
		for _, c := range []net.Conn{fresh, busy} {
			n.begin(t.Context(), c)
			n.changed(c, http.StateNew)
		}
		n.changed(busy, http.StateActive)
		n.expire()
		assert.ErrorIs(t, <-freshEnded, os.ErrDeadlineExceeded)
		synctest.Wait()
		assert.Empty(t, busyEnded)
		busy.Close()
		<-busyEnded
	})
}

func TestARequestThatWasReadWhenExpireCameGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := connections{counters: new(scoreboard.Counters)}
		c, _ := net.Pipe()
		n.begin(t.Context(), c)
		n.changed(c, http.StateNew)
		n.expire()
		n.changed(c, http.StateActive)
		ended := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
		synctest.Wait()
		assert.Empty(t, ended)
		c.Close()
		<-ended
	})
}
