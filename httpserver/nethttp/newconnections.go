package nethttp

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// newConnections are the connections whose first request has not been read. A shutdown closes them as it
// does idle ones: net/http alone would wait five seconds for the browsers that connect in advance.
type newConnections struct {
	mu      sync.Mutex
	open    map[net.Conn]struct{}
	expired bool
}

// changed is an http.Server's ConnState hook.
func (n *newConnections) changed(c net.Conn, state http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if state == http.StateNew {
		if n.open == nil {
			n.open = make(map[net.Conn]struct{})
		}
		n.open[c] = struct{}{}
		return
	}
	if _, ok := n.open[c]; !ok {
		return
	}
	delete(n.open, c)
	if n.expired && state == http.StateActive {
		_ = c.SetReadDeadline(time.Time{}) // its request had been read when expire came
	}
}

// expire ends the reading of first requests; net/http then closes those connections.
func (n *newConnections) expire() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.expired = true
	for c := range n.open {
		_ = c.SetReadDeadline(time.Unix(1, 0))
	}
}
