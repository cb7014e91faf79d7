//go:build linux

package reactor

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// press sends what waits in the connection's out, which has no room for more because of err, and then part. It
// blocks the handler until the client has taken all of it: a full disk makes a response slower, never shorter.
// Only threads get here: what the reactor's own goroutines send fits into memory.
func (res *response) press(part []byte, err error) error {
	c := res.c
	c.r.counters.SpoolDiskWaits.Add(1)
	c.r.spools.Response(c.r.o.Log, c.r.http.SpoolDir, err)
	for c.out != nil {
		state, err := res.p.drain(c)
		if err == nil && state != through {
			err = res.awaitRoom()
		}
		if err != nil {
			return err
		}
	}
	for {
		n, err := c.writeAll(part)
		if part = part[n:]; err != nil || len(part) == 0 {
			return err
		}
		if err := res.awaitRoom(); err != nil {
			return err
		}
	}
}

// awaitRoom blocks until the client takes more, for no longer than --write-timeout and --response-rate allow.
func (res *response) awaitRoom() error {
	r := res.c.r
	if res.allowed.rate.Grace == 0 {
		res.allowed = newAllowance(r.o.Limits.Response(), res.c.taken())
	}
	err := res.allowed.wait(res.c, unix.POLLOUT, res.c.taken)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.counters.WriteTimeouts.Add(1)
		r.cut.Info(r.o.Log, "the client did not take the response in time: the connection is cut off", "remote", res.c.remote)
	}
	return err
}
