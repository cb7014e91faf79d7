package nethttp

import (
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// log writes the line for the access log.
func (x *exchange) log() {
	e := x.e
	if e.o.AccessLog == nil {
		return
	}
	err := e.o.AccessLog.Log(&httpserver.AccessEntry{
		Time:      x.req.Arrived,
		Remote:    x.req.Remote.Addr(),
		Method:    x.req.Method,
		Target:    x.req.Target,
		Referer:   []byte(x.hr.Header.Get("Referer")),
		UserAgent: []byte(x.hr.Header.Get("User-Agent")),
		Proto:     x.req.Proto,
		Status:    x.res.status,
		Bytes:     x.res.written,
		RequestID: x.req.ID,
		Duration:  time.Since(x.req.Arrived),
		Queued:    x.req.Queued,
		Aborted:   x.res.cut,
	})
	if err != nil { // which the log reports itself
		e.counters.AccessLogLost.Add(1)
	}
}
