package environ

import (
	"log/slog"
	"sync"
	"sync/atomic"
)

// Clients choose the names, so what is remembered of them has a bound.
const (
	maxDroppedNames   = 64
	maxDroppedNameLen = 64
)

// droppedLog logs the names of dropped fields, each once, until there were maxDroppedNames of them.
type droppedLog struct {
	log  *slog.Logger // nil: say nothing
	full atomic.Bool  // spares a flood of names the lock

	mu   sync.Mutex
	seen map[string]bool
}

// note logs that a field was dropped. name is in the client's spelling, key in the upper-cased one.
func (d *droppedLog) note(name, key []byte, reason string) {
	if d.log == nil || d.full.Load() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key = key[:min(len(key), maxDroppedNameLen)]
	if d.seen[string(key)] || d.full.Load() {
		return
	}
	if len(d.seen) == maxDroppedNames {
		d.full.Store(true)
		d.log.Warn("more header fields dropped; no more names are logged", "names", maxDroppedNames)
		return
	}
	if d.seen == nil {
		d.seen = make(map[string]bool)
	}
	d.seen[string(key)] = true
	d.log.Warn("header field dropped", "name", string(name[:min(len(name), maxDroppedNameLen)]), "reason", reason)
}
