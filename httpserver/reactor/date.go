//go:build linux

package reactor

import (
	"net/http"
	"sync/atomic"
	"time"
)

// dateLine is the Date field of this second (RFC 9110, section 6.6.1): formatting it costs more than the
// rest of a head.
type dateLine struct {
	current atomic.Pointer[dated]
}

type dated struct {
	second int64
	line   string
}

func (d *dateLine) line(now time.Time) string {
	if c := d.current.Load(); c != nil && c.second == now.Unix() {
		return c.line
	}
	c := &dated{now.Unix(), "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"}
	d.current.Store(c)
	return c.line
}
