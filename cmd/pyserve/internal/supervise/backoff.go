package supervise

import "time"

const (
	firstDelay = 500 * time.Millisecond
	maxDelay   = 30 * time.Second
)

// backoff spaces attempts that keep failing: the first failure is followed by another attempt immediately, the next
// ones after 0.5, 1, 2, 4 … 30 seconds.
type backoff struct {
	failures int
	until    time.Time
}

// fail counts a failure at now and returns the delay before the next attempt.
func (b *backoff) fail(now time.Time) time.Duration {
	b.failures++
	var delay time.Duration
	if b.failures > 1 {
		delay = firstDelay << min(b.failures-2, 10) // 10 is far beyond maxDelay, and no overflow
	}
	delay = min(delay, maxDelay)
	b.until = now.Add(delay)
	return delay
}

// over reports whether an attempt may be made at now.
func (b *backoff) over(now time.Time) bool { return !now.Before(b.until) }

func (b *backoff) reset() { *b = backoff{} }
