//go:build linux

package reactor

import (
	"net/http"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

// Interim implements httpserver.Interimer.
func (res *response) Interim(status int, fields []httpserver.HeaderField) error {
	switch {
	case res.failed != nil:
		return res.failed
	case res.headSet || res.hijacked || !httpserver.IsInterim(status):
		return httpserver.ErrNoInterim
	case res.minor == 0:
		return nil
	}
	b := appendStatusLine(res.buf[:0], status, http.StatusText(status))
	for i := range fields {
		b = appendField(b, fields[i].Name, fields[i].Value)
	}
	res.buf = append(b, "\r\n"...)
	return res.transported(res.departure.sendInterim())
}

// Hijack implements httpserver.Hijacker. The socket is a descriptor of its own.
func (res *response) Hijack() (socket *os.File, received []byte, err error) {
	if res.headSet || res.hijacked || res.failed != nil || res.sent || res.c.out.spool != nil || res.streamed != nil {
		return nil, nil, httpserver.ErrNoHijack
	}
	fd, err := unix.FcntlInt(uintptr(res.c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	res.hijacked, res.status, res.last = true, http.StatusSwitchingProtocols, true
	return os.NewFile(uintptr(fd), "connection"), append([]byte(nil), res.rest...), nil
}
