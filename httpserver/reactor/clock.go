//go:build linux

package reactor

import "time"

// clock is a poller's own: reading the system's costs as much as parsing a small request, so it is looked at
// once an answer and once a batch of events, and everybody else takes what was seen then.
type clock struct {
	at  time.Time // the last look
	now int64     // the same in Reactor.now
}

// set is the look after something that may have taken long, when the system's clock may have been set.
func (k *clock) set(r *Reactor) {
	k.at = time.Now()
	k.now = int64(k.at.Sub(r.start))
}

// tick is the usual look; at follows the monotonic clock from the last set on.
func (k *clock) tick(r *Reactor) {
	now := r.now()
	k.at, k.now = k.at.Add(time.Duration(now-k.now)), now
}
