package nethttp

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// connection is what the engine knows of a connection, from its first request on. It belongs to the goroutine that reads the
// connection, but for what connections.mu guards.
type connection struct {
	conn          net.Conn // nil under a foreign server
	remote, local netip.AddrPort
	served        int // requests; net/http reads one after the other
	counters      *scoreboard.Counters
	shown         scoreboard.ConnState
}

// show has the connection counted by what it is doing.
func (c *connection) show(state scoreboard.ConnState) {
	if c.conn != nil {
		c.counters.Show(&c.shown, state)
	}
}

// connections are those of a server. A shutdown closes the ones whose first request has not been read as it does idle ones:
// net/http alone would wait five seconds for the browsers that connect in advance.
type connections struct {
	counters *scoreboard.Counters

	mu      sync.Mutex
	open    map[net.Conn]*connection
	fresh   map[net.Conn]struct{} // those whose first request has not been read
	expired bool
}

type connectionKey struct{}

// begin is an http.Server's ConnContext hook, which comes before the others.
func (n *connections) begin(ctx context.Context, c net.Conn) context.Context {
	known := &connection{conn: c, remote: addrPort(c.RemoteAddr()), local: addrPort(c.LocalAddr()), counters: n.counters}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open == nil {
		n.open, n.fresh = make(map[net.Conn]*connection), make(map[net.Conn]struct{})
	}
	n.open[c], n.fresh[c] = known, struct{}{}
	return context.WithValue(ctx, connectionKey{}, known)
}

// changed is an http.Server's ConnState hook.
func (n *connections) changed(c net.Conn, state http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.open[c]
	switch state {
	case http.StateNew:
		n.counters.Connections.Add(1)
		n.counters.Accepted.Add(1)
		known.show(scoreboard.ConnIdle)
		return
	case http.StateActive:
		known.show(scoreboard.ConnReading)
	case http.StateIdle:
		known.show(scoreboard.ConnIdle)
	case http.StateClosed, http.StateHijacked:
		known.show(scoreboard.ConnGone)
		n.counters.Connections.Add(-1)
		delete(n.open, c)
	}
	if _, fresh := n.fresh[c]; !fresh {
		return
	}
	delete(n.fresh, c)
	if n.expired && state == http.StateActive {
		_ = c.SetReadDeadline(time.Time{}) // its request had been read when expire came
	}
}

// allBegun reports whether the first request of every connection has been read.
func (n *connections) allBegun() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.fresh) == 0
}

// expire ends the reading of first requests; net/http then closes those connections.
func (n *connections) expire() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.expired = true
	for c := range n.fresh {
		_ = c.SetReadDeadline(time.Unix(1, 0))
	}
}

// connectionOf returns the connection of a request; under a foreign server, what the request says about it.
func connectionOf(hr *http.Request) *connection {
	if known, ok := hr.Context().Value(connectionKey{}).(*connection); ok {
		return known
	}
	c := &connection{}
	if remote, err := netip.ParseAddrPort(hr.RemoteAddr); err == nil {
		c.remote = unmap(remote)
	}
	if local, ok := hr.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		c.local = addrPort(local)
	}
	return c
}

// addrPort returns the zero AddrPort for what is not a TCP address.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return unmap(tcp.AddrPort())
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
