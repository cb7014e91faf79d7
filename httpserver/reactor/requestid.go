//go:build linux

package reactor

import (
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// requestID is the peer's own id if it is trusted with that, else a new one.
func (p *poller) requestID(c *conn, h *http1.Head) string {
	if trust := p.r.http.TrustRequestID; trust != nil && trust(c.remote.Addr()) {
		if id := sentID(h); httpserver.ValidRequestID(id) {
			return id
		}
	}
	return p.scratch.ids.Next()
}

// sentID is the value of X-Request-ID if that was sent exactly once, else "".
func sentID(h *http1.Head) (id string) {
	for _, f := range h.Fields {
		if equalFold(f.Name, "X-Request-ID") {
			if id != "" {
				return ""
			}
			id = string(f.Value)
		}
	}
	return id
}
