package httpserver

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// What the zero value of a field of [Options] stands for.
const (
	DefaultMaxBody        = 1 << 30 // bytes
	DefaultBodyBuffer     = 256 << 10
	DefaultMaxHeaderBytes = 128 << 10
	DefaultHeaderTimeout  = 30 * time.Second
	DefaultIdleTimeout    = 75 * time.Second
	DefaultServerName     = "pyserve"
)

// Options configure how an engine serves one handler. The zero value works. HeaderTimeout, IdleTimeout, MaxHeaderBytes and
// Descriptors are for servers only, not for nethttp.NewHandler.
type Options struct {
	// Log takes what goes wrong between the client and the handler; nil is slog.Default(). A reactor has its own.
	Log *slog.Logger
	// AccessLog gets a line for every response; nil is none.
	AccessLog *AccessLog
	// StreamRequests hands the content to the handler while it is still coming in, so that a slow client
	// holds a thread. Without it the content is spooled whole before the request is queued.
	StreamRequests bool
	// MaxBody is how many bytes of content a request may have: 413 for more. 0 is DefaultMaxBody, less
	// is no limit.
	MaxBody int64
	// BodyBuffer is how many bytes of a request's content are kept in memory before they go to a
	// temporary file. 0 is DefaultBodyBuffer.
	BodyBuffer int
	// SpoolDir is the folder for temporary files; "" is DefaultSpoolDir().
	SpoolDir string
	// SpoolDisk bounds the temporary files of this engine and of every other that has the same one: a
	// request whose content finds no room is refused with 503. nil means no bound.
	SpoolDisk *Budget
	// SpoolMemory bounds what this engine, and every other that has the same one, keeps in memory for clients that send or
	// read slowly: over it, content goes into temporary files from the beginning. nil means no bound.
	SpoolMemory *Budget
	// SharedAddress says whether the connections from a peer's address belong to many clients, as a proxy's
	// do: a limit of connections for each address does not count them. nil knows of none. It is not asked
	// about unix sockets, which have no addresses to count by.
	SharedAddress func(peer netip.Addr) bool
	// TrustRequestID says whether a peer's X-Request-ID field, if it is visible ASCII of at most 128
	// bytes, becomes the request's id. nil trusts nobody. The peer on a unix socket is the zero Addr.
	TrustRequestID func(peer netip.Addr) bool
	// HeaderTimeout is how long a client may take for the head of a request, from its first byte (on a
	// new connection: from its beginning). 0 is DefaultHeaderTimeout.
	HeaderTimeout time.Duration
	// IdleTimeout is how long a connection may wait for its next request. 0 is DefaultIdleTimeout.
	IdleTimeout time.Duration
	// MaxHeaderBytes is how large the head of a request may be; 0 is DefaultMaxHeaderBytes.
	MaxHeaderBytes int
	// ServerName is the value of the Server field of responses that have none; "" is DefaultServerName.
	ServerName string
	// Extra returns what a Go program around nethttp.NewHandler says about a request; nil says nothing. The reactor does not
	// call it.
	Extra func(r *http.Request) []HeaderField
	// Early answers what needs no thread; nil answers nothing.
	Early Early
	// Row is where the engine counts; nil is a row of its own. A reactor has its own.
	Row *scoreboard.Worker
	// Descriptors is informed of the descriptors of listeners and connections; nil is nobody.
	Descriptors DescriptorWatcher
}

// DescriptorWatcher learns which descriptors are network connections, so that a process forked by the
// application can close its copies. Its methods are called concurrently and must not block.
type DescriptorWatcher interface {
	// Opened says that fd is a listener, or a connection that was accepted.
	Opened(fd int)
	// Closed says that fd is about to be closed: its number may mean something else from then on.
	Closed(fd int)
}

// NewSpool returns an empty Spool that keeps up to limit bytes in memory, within all of the bounds of o.
func (o *Options) NewSpool(limit int) *Spool {
	s := NewSpool(limit, o.SpoolDir, o.SpoolDisk)
	s.bound = o.SpoolMemory
	return s
}

// WithDefaults returns o with every zero value replaced by what it stands for.
func (o Options) WithDefaults() Options {
	o.Log = cmp.Or(o.Log, slog.Default())
	o.MaxBody = cmp.Or(o.MaxBody, DefaultMaxBody)
	o.BodyBuffer = cmp.Or(o.BodyBuffer, DefaultBodyBuffer)
	o.SpoolDir = cmp.Or(o.SpoolDir, DefaultSpoolDir())
	o.HeaderTimeout = cmp.Or(o.HeaderTimeout, DefaultHeaderTimeout)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, DefaultIdleTimeout)
	o.MaxHeaderBytes = cmp.Or(o.MaxHeaderBytes, DefaultMaxHeaderBytes)
	o.ServerName = cmp.Or(o.ServerName, DefaultServerName)
	return o
}
