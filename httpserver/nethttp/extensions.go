package nethttp

import (
	"net/http"
	"os"

	"github.com/pyserve/pyserve/httpserver"
)

// Interim implements httpserver.Interimer.
func (r *response) Interim(status int, fields []httpserver.HeaderField) error {
	switch {
	case r.failed != nil:
		return r.failed
	case r.headSet || r.hijacked != nil || !httpserver.IsInterim(status):
		return httpserver.ErrNoInterim
	case !r.hr.ProtoAtLeast(1, 1):
		return nil
	}
	header := r.w.Header()
	others := header.Clone()
	clear(header)
	setFields(header, fields)
	r.hasten()
	r.w.WriteHeader(status)
	clear(header)
	for name, values := range others {
		header[name] = values
	}
	return nil
}

// Hijack implements httpserver.Hijacker. The socket is a descriptor of its own.
func (r *response) Hijack() (socket *os.File, received []byte, err error) {
	hijacker, ok := r.w.(http.Hijacker)
	if !ok || r.headSet || r.hijacked != nil || r.failed != nil || r.hr.ProtoMajor != 1 || !r.body.ended.Load() {
		return nil, nil, httpserver.ErrNoHijack
	}
	c, buffered, err := hijacker.Hijack()
	if err != nil {
		return nil, nil, err
	}
	r.hijacked, r.status = c, http.StatusSwitchingProtocols
	file, ok := c.(interface{ File() (*os.File, error) })
	if !ok { // TLS
		return nil, nil, httpserver.ErrNoHijack
	}
	if socket, err = file.File(); err != nil {
		return nil, nil, err
	}
	received = make([]byte, buffered.Reader.Buffered())
	_, _ = buffered.Read(received) // it is in memory
	return socket, received, nil
}

// endHijacked ends a connection under whoever has taken it over.
func (r *response) endHijacked() {
	if c, ok := r.hijacked.(interface {
		CloseRead() error
		CloseWrite() error
	}); ok {
		_, _ = c.CloseRead(), c.CloseWrite()
	}
}
