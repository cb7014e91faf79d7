package nethttp

import (
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// requestMemory holds the bytes of one request's head; it is used again for other requests.
type requestMemory struct {
	ids    httpserver.RequestIDBlock
	fields []httpserver.Field
	names  []string
	bytes  []byte
}

// maxKeptMemory is how many bytes of a large head's memory are kept for the next request.
const maxKeptMemory = 64 << 10

// add returns a copy of s that is valid until release. Should the memory have to grow, what was added
// before stays where it is.
func (m *requestMemory) add(s string) []byte {
	start := len(m.bytes)
	m.bytes = append(m.bytes, s...)
	return m.bytes[start:len(m.bytes):len(m.bytes)]
}

func (m *requestMemory) release(pool *sync.Pool) {
	if cap(m.bytes) > maxKeptMemory {
		return
	}
	clear(m.fields)
	clear(m.names)
	m.fields, m.names, m.bytes = m.fields[:0], m.names[:0], m.bytes[:0]
	pool.Put(m)
}

// translate fills r from hr, all but the content.
func (e *engine) translate(r *httpserver.Request, hr *http.Request, m *requestMemory) {
	c := connectionOf(hr)
	target := hr.RequestURI
	if target == "" && hr.URL != nil { // a request made by a Go program
		target = hr.URL.RequestURI()
	}
	*r = httpserver.Request{
		Method:  m.add(hr.Method),
		Target:  m.add(target),
		Proto:   protocol(hr),
		Host:    m.add(hr.Host),
		Fields:  m.addFields(hr),
		Scheme:  "http",
		Remote:  c.remote,
		Local:   c.local,
		Arrived: time.Now(),
	}
	if hr.TLS != nil {
		r.Scheme, r.TLS = "https", hr.TLS
	}
	if e.o.Extra != nil {
		r.Extra = e.o.Extra(hr)
	}
	r.ID = e.requestID(hr, c.remote.Addr(), m)
}

// addFields lists the header fields by name: a map has no order, and one request must not look different
// from the next for that.
func (m *requestMemory) addFields(hr *http.Request) []httpserver.Field {
	for name := range hr.Header {
		m.names = append(m.names, name)
	}
	slices.Sort(m.names)
	if hr.Host != "" {
		m.fields = append(m.fields, httpserver.Field{Name: m.add("Host"), Value: m.add(hr.Host)})
	}
	for _, name := range m.names {
		if name == "Transfer-Encoding" || name == "Host" { // net/http takes both out, a Go program may not
			continue
		}
		for _, value := range hr.Header[name] {
			m.fields = append(m.fields, httpserver.Field{Name: m.add(name), Value: m.add(value)})
		}
	}
	return m.fields
}

func (e *engine) requestID(hr *http.Request, peer netip.Addr, m *requestMemory) string {
	if e.o.TrustRequestID != nil {
		ids := hr.Header["X-Request-Id"]
		if len(ids) == 1 && httpserver.ValidRequestID(ids[0]) && e.o.TrustRequestID(peer) {
			return ids[0]
		}
	}
	return m.ids.Next()
}

// protocol maps versions between and beyond to the one whose rules hold (RFC 9110, section 2.5).
func protocol(hr *http.Request) string {
	switch {
	case hr.ProtoMajor >= 2:
		return "HTTP/2.0"
	case hr.ProtoAtLeast(1, 1):
		return "HTTP/1.1"
	default:
		return "HTTP/1.0"
	}
}
