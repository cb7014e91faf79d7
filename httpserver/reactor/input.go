//go:build linux

package reactor

import (
	"math/bits"
	"net/http"
)

// smallInput is how much of what it has sent every connection may leave with us, however little memory there is.
const smallInput = 4 << 10

// leastInput is the least room that is made.
const leastInput = 512

// inTransit is how many connections may have content in memory on its way to the disk when there is no memory for it.
const inTransit = 64

// makeRoom gives c.in room for n bytes in all, and reports whether --spool-memory allows that; anyway says that it is not
// asked.
func (c *conn) makeRoom(n int, anyway bool) bool {
	if n <= cap(c.in) {
		return true
	}
	size := 1 << bits.Len(uint(max(n, leastInput)-1))
	memory, more := c.r.http.SpoolMemory, int64(size-c.inTaken)
	if anyway || size <= smallInput {
		memory.Count(more)
	} else if !memory.Take(more) {
		return false
	}
	c.in = append(make([]byte, 0, size), c.in...)
	c.inTaken = size
	return true
}

// store makes data, which may lie in c.in, all that c has received and not used. It returns false, and stores nothing, if
// there is no memory for it.
func (c *conn) store(data []byte) bool {
	if !c.makeRoom(len(data), false) {
		return false
	}
	c.in = append(c.in[:0], data...)
	return true
}

// storeMore adds data, as store does, which is in transit to the disk if transit is true.
func (c *conn) storeMore(data []byte, transit bool) bool {
	if !c.makeRoom(len(c.in)+len(data), transit && c.r.counters.DiskWaiting.Load() < inTransit) {
		return false
	}
	c.in = append(c.in, data...)
	return true
}

// storeRest stores the requests that follow one whose answer the client has not taken yet. Without memory for them the
// connection ends with that answer.
func (c *conn) storeRest(rest []byte) {
	if !c.store(rest) {
		c.forget()
		c.closeAfter, c.unread = true, true
	}
}

// forget gives up what c has received.
func (c *conn) forget() {
	c.r.http.SpoolMemory.Give(int64(c.inTaken))
	c.in, c.inTaken = nil, 0
}

// noMemory refuses a request for which there is no memory.
func (p *poller) noMemory(c *conn) {
	p.r.counters.SpoolMemoryRefusals.Add(1)
	p.r.noMemory.Log(p.r.o.Log, "refused with 503: no memory for a request: slow clients have all that they may have", "option", "SpoolMemory")
	p.scratch.parser.Reset()
	p.turnAway(c, nil, http.StatusServiceUnavailable)
}
