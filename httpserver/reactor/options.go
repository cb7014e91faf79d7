package reactor

import (
	"cmp"
	"log/slog"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// Options configure a [Reactor]. The zero value works.
type Options struct {
	// Log takes what goes wrong between the client and the handler; nil is slog.Default().
	Log *slog.Logger
	// Queue is how many complete requests may wait for a thread; 503 for more. 0 is 1024.
	Queue int
	// Limits bound what clients can hold on to.
	Limits httpserver.Limits
	// GILHeld reports whether some thread holds the GIL this moment; nil when that cannot be known.
	GILHeld func() bool
	// Row is this process's on a scoreboard, where it shows what connections it has, so that the reactors of all
	// processes that accept from the same listeners have about as many each. nil is a process by itself.
	Row *scoreboard.Worker
}

// responseMemory is how much of Limits.ResponseBuffer may be in memory.
const responseMemory = 1 << 20

func (o Options) withDefaults() Options {
	o.Log = cmp.Or(o.Log, slog.Default())
	o.Queue = cmp.Or(o.Queue, 1024)
	o.Limits = o.Limits.WithDefaults()
	return o
}
