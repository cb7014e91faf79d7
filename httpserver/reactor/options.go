package reactor

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
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
	// MaxConnections is how many connections may be open. For a further one the one that has been idle for longest is
	// closed; if none is, the further one. 0 is as many as the process's limit of open files allows, less an eighth
	// and at least 64 for the application.
	MaxConnections int
	// MaxConnectionsPerAddress is how many connections may be open from one client's address (an IPv6 network
	// of 64 bits counts as one); further ones are closed. Connections by unix sockets and those that
	// HTTP.SharedAddress tells are not counted. 0 is no limit.
	MaxConnectionsPerAddress int
	// KeepAliveRequests is how many requests a connection may make; 0 is no limit.
	KeepAliveRequests int
	// BodyRate is how many bytes of content a second a client has to send, see httpserver.LeastRate; 0 is 100, less is no
	// limit.
	BodyRate int
	// BodyGrace is how long a client may send nothing of its content; 0 is 30 s.
	BodyGrace time.Duration
	// LingerTimeout is how long a client that was refused may be silent before its connection is closed; it
	// may go on sending for six times as long. 0 is 5 s.
	LingerTimeout time.Duration
	// WriteTimeout is how long a client may not read while there is something for it; 0 is 60 s.
	WriteTimeout time.Duration
	// ResponseRate is how many bytes a second it has to take then, see httpserver.LeastRate with WriteTimeout as Grace; 0 is
	// 100, less is no rate.
	ResponseRate int
	// ResponseBuffer is how many bytes of a response may wait for a slow client, in memory and then in a
	// temporary file, before the application has to wait too; 0 is 64 MiB.
	ResponseBuffer int64
	// FreeThreaded says that the application's threads have no GIL to share.
	FreeThreaded bool
	// GILHeld reports whether some thread holds the GIL this moment; nil when that cannot be known.
	GILHeld func() bool
	// Row is this process's on a scoreboard, where it tells what connections it has, so that the reactors of all
	// processes that accept from the same listeners have about as many each. nil is a process by itself.
	Row *scoreboard.Worker
}

// responseMemory is how much of ResponseBuffer may be in memory.
const responseMemory = 1 << 20

func (o Options) withDefaults() Options {
	o.Log = cmp.Or(cmp.Or(o.Log, o.HTTP.Log), slog.Default())
	o.Queue = cmp.Or(o.Queue, 1024)
	o.QueueAge = cmp.Or(o.QueueAge, 30*time.Second)
	o.BodyRate = cmp.Or(o.BodyRate, 100)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, time.Minute)
	o.ResponseRate = cmp.Or(o.ResponseRate, 100)
	o.ResponseBuffer = cmp.Or(o.ResponseBuffer, 64<<20)
	o.BodyGrace = cmp.Or(o.BodyGrace, 30*time.Second)
	o.LingerTimeout = cmp.Or(o.LingerTimeout, 5*time.Second)
	o.HTTP = httpDefaults(o.HTTP)
	return o
}

func httpDefaults(o httpserver.Options) httpserver.Options {
	o.MaxBody = cmp.Or(o.MaxBody, httpserver.DefaultMaxBody)
	o.BodyBuffer = cmp.Or(o.BodyBuffer, httpserver.DefaultBodyBuffer)
	o.SpoolDir = cmp.Or(o.SpoolDir, httpserver.DefaultSpoolDir())
	o.HeaderTimeout = cmp.Or(o.HeaderTimeout, httpserver.DefaultHeaderTimeout)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, httpserver.DefaultIdleTimeout)
	o.MaxHeaderBytes = cmp.Or(o.MaxHeaderBytes, httpserver.DefaultMaxHeaderBytes)
	o.ServerName = cmp.Or(o.ServerName, httpserver.DefaultServerName)
	return o
}
