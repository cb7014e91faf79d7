package reactor

import (
	"cmp"
	"log/slog"
	"os"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// Options configure a [Reactor] and its [Server]. The zero value works.
type Options struct {
	// HTTP is what all engines have in common.
	HTTP httpserver.Options
	// Log is HTTP.Log, or slog.Default().
	Log *slog.Logger
	// Queue is how many complete requests may wait for a thread; 503 for more. 0 is 1024.
	Queue int
	// QueueAge is how long a request may have waited before it is answered by 503 instead; 0 is 30 s, less
	// is no limit.
	QueueAge time.Duration
	// MaxConnections is how many connections may be open; further ones are closed. 0 is no limit but that
	// of the process.
	MaxConnections int
	// KeepAliveRequests is how many requests a connection may make; 0 is no limit.
	KeepAliveRequests int
	// BodyRate is how many bytes of content a second a client has to send on average, after the first 30 s;
	// 0 is 100, less is no limit.
	BodyRate int
	// WriteTimeout is how long a client may not read while there is something for it; 0 is 60 s.
	WriteTimeout time.Duration
	// ResponseBuffer is how many bytes of a response may wait for a slow client, in memory and then in a
	// temporary file, before the application has to wait too; 0 is 64 MiB.
	ResponseBuffer int64
	// FreeThreaded says that the application's threads have no GIL to share.
	FreeThreaded bool
	// GILHeld reports whether some thread holds the GIL this moment; nil when that cannot be known.
	GILHeld func() bool
}

const (
	bodyGrace      = 30 * time.Second // before BodyRate counts
	lingerIdle     = 5 * time.Second  // how long a refused client may be silent
	lingerTotal    = 30 * time.Second // and how long it may go on sending
	responseMemory = 1 << 20          // of ResponseBuffer
)

func (o Options) withDefaults() Options {
	o.Log = cmp.Or(cmp.Or(o.Log, o.HTTP.Log), slog.Default())
	o.Queue = cmp.Or(o.Queue, 1024)
	o.QueueAge = cmp.Or(o.QueueAge, 30*time.Second)
	o.BodyRate = cmp.Or(o.BodyRate, 100)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, time.Minute)
	o.ResponseBuffer = cmp.Or(o.ResponseBuffer, 64<<20)
	o.HTTP.MaxBody = cmp.Or(o.HTTP.MaxBody, httpserver.DefaultMaxBody)
	o.HTTP.BodyBuffer = cmp.Or(o.HTTP.BodyBuffer, httpserver.DefaultBodyBuffer)
	o.HTTP.SpoolDir = cmp.Or(o.HTTP.SpoolDir, os.TempDir())
	o.HTTP.HeaderTimeout = cmp.Or(o.HTTP.HeaderTimeout, httpserver.DefaultHeaderTimeout)
	o.HTTP.IdleTimeout = cmp.Or(o.HTTP.IdleTimeout, httpserver.DefaultIdleTimeout)
	o.HTTP.MaxHeaderBytes = cmp.Or(o.HTTP.MaxHeaderBytes, httpserver.DefaultMaxHeaderBytes)
	o.HTTP.ServerName = cmp.Or(o.HTTP.ServerName, httpserver.DefaultServerName)
	return o
}
