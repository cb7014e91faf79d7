//go:build linux

package reactor

import (
	"strings"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// idBlock hands out request ids of the form that httpserver.RequestIDs has, but makes a block of them at
// once: one allocation for many requests. A handler may keep an id, and with it the block.
type idBlock struct {
	prefix string
	last   uint64
	block  string
}

const (
	idLength  = 20
	idsABlock = 64
)

func newIDBlock() idBlock {
	return idBlock{prefix: httpserver.NewRequestIDs().Next()[:8]}
}

func (b *idBlock) next() string {
	if b.block == "" {
		b.fill()
	}
	id := b.block[:idLength]
	b.block = b.block[idLength:]
	return id
}

func (b *idBlock) fill() {
	const digits = "0123456789abcdef"
	var text strings.Builder
	text.Grow(idsABlock * idLength)
	for range idsABlock {
		b.last++
		text.WriteString(b.prefix)
		for shift := 4 * (idLength - len(b.prefix) - 1); shift >= 0; shift -= 4 {
			text.WriteByte(digits[b.last>>shift&15])
		}
	}
	b.block = text.String()
}

// requestID is the peer's own id if it is trusted with that, else a new one.
func (w *worker) requestID(c *conn, h *http1.Head) string {
	if trust := w.r.o.HTTP.TrustRequestID; trust != nil && trust(c.remote.Addr()) {
		if id := sentID(h); httpserver.ValidRequestID(id) {
			return id
		}
	}
	return w.scratch.ids.next()
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
