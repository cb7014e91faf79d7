package httpserver

import "time"

// LeastRate is how fast a client has to send, or to take, what it is waited for: Rate bytes a second, after a time of
// Grace. A client that was fast before gets no more than Grace either.
type LeastRate struct {
	Rate  int // in bytes a second; less than 0 means no rate: then any byte gives the whole Grace again
	Grace time.Duration
}

// Left returns how much longer the client is waited for that has moved n bytes since there was so much time left.
func (l LeastRate) Left(left time.Duration, n int64) time.Duration {
	switch seconds := float64(n) / float64(l.Rate); {
	case n <= 0:
		return left
	case l.Rate < 0, seconds >= l.Grace.Seconds():
		return l.Grace
	default:
		return min(left+time.Duration(seconds*float64(time.Second)), l.Grace)
	}
}
