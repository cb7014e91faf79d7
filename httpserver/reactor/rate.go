//go:build linux

package reactor

import (
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// renew moves the deadline of a client that has moved so many bytes since it was set.
func (c *conn) renew(rate httpserver.LeastRate, now, moved int64) {
	left := rate.Grace
	if deadline := c.deadline.Load(); deadline != 0 {
		left = rate.Left(time.Duration(deadline-now), moved)
	}
	c.deadline.Store(now + int64(left))
}

// expireBody gives the client as long as its content may take at --body-rate.
func (p *poller) expireBody(c *conn) {
	if p.r.o.Limits.BodyRate < 0 {
		c.deadline.Store(0)
		return
	}
	size := c.in.spool.Size()
	c.renew(p.r.o.Limits.Body(), p.clock.now, size-c.movedThen)
	c.movedThen = size
}

// expireFlush gives the client as long as it may leave the response untaken.
func (p *poller) expireFlush(c *conn) {
	taken := c.taken()
	c.renew(p.r.o.Limits.Response(), p.clock.now, taken-c.movedThen)
	c.movedThen = taken
}

// allowance is for how long the handler may still wait for its client. What it does meanwhile does not count.
type allowance struct {
	rate    httpserver.LeastRate
	left    time.Duration
	counted int64 // what the client had moved when left was set
}

func newAllowance(rate httpserver.LeastRate, moved int64) allowance {
	return allowance{rate, rate.Grace, moved}
}

// wait waits until the client moves. moved is how many bytes it has moved so far.
func (a *allowance) wait(c *conn, events int16, moved func() int64) error {
	for {
		now := moved()
		a.left, a.counted = a.rate.Left(a.left, now-a.counted), now
		began := time.Now()
		err := c.await(events, max(a.left, 0))
		if a.left -= time.Since(began); err == nil || moved() == now {
			return err
		}
	}
}
