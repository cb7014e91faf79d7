//go:build linux

package reactor

import (
	"math/bits"
	"net/http"
	"time"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// incoming is what a connection has received and not used, and the request that it belongs to. The zero value is that of a
// connection of which nothing has come.
type incoming struct {
	buf     []byte        // a part of a head, a head whose content comes in, or more requests
	taken   int           // of Options.SpoolMemory, for buf
	drained bool          // nothing more could be read when its request was queued, and no event has come since
	unread  bool          // when closing: the client has sent more than was read, or will
	parser  *http1.Parser // of the part of a head in buf
	began   int64         // when the first byte of the head came, in Reactor.now; 0 before

	// The request whose content comes in, or that waits for a thread; its head is buf[:head] in phaseBody and phaseReady.
	arrived int64 // when its head had been read, in Reactor.now; 0 when that is now
	waited  time.Duration
	head    int
	spool   *httpserver.Spool
	left    int64 // of a declared length
	chunked bool
	chunks  http1.ChunkedDecoder
}

// smallInput is how much of what it has sent every connection may leave with us, however little memory there is.
const smallInput = 4 << 10

// leastInput is the least room that is made.
const leastInput = 512

// inTransit is how many connections may have content in memory on its way to the disk when there is no memory for it.
const inTransit = 64

// makeRoom gives buf room for n bytes in all, and reports whether Options.SpoolMemory allows that; anyway says that it is not
// asked.
func (in *incoming) makeRoom(memory *httpserver.Budget, n int, anyway bool) bool {
	if n <= cap(in.buf) {
		return true
	}
	size := 1 << bits.Len(uint(max(n, leastInput)-1))
	more := int64(size - in.taken)
	if anyway || size <= smallInput {
		memory.Count(more)
	} else if !memory.Take(more) {
		return false
	}
	in.buf = append(make([]byte, 0, size), in.buf...)
	in.taken = size
	return true
}

// store makes data, which may lie in buf, all that has been received and not used. It returns false, and stores nothing, if
// there is no memory for it.
func (in *incoming) store(r *Reactor, data []byte) bool {
	if !in.makeRoom(r.http.SpoolMemory, len(data), false) {
		return false
	}
	in.buf = append(in.buf[:0], data...)
	return true
}

// storeMore adds data, as store does, which is in transit to the disk if transit is true.
func (in *incoming) storeMore(r *Reactor, data []byte, transit bool) bool {
	if !in.makeRoom(r.http.SpoolMemory, len(in.buf)+len(data), transit && r.counters.DiskWaiting.Load() < inTransit) {
		return false
	}
	in.buf = append(in.buf, data...)
	return true
}

// spoolContent spools content of the request, and returns how much of p it used and whether the content is complete.
func (in *incoming) spoolContent(p []byte) (used int, done bool, err error) {
	if !in.chunked {
		used = int(min(int64(len(p)), in.left))
		in.left -= int64(used)
		_, err = in.spool.Write(p[:used])
		return used, in.left == 0, err
	}
	for !done && used < len(p) {
		n, taken, end, err := in.chunks.Decode(p[used:], p[used:])
		if err != nil {
			return used, false, err
		}
		if _, err := in.spool.Write(p[used : used+n]); err != nil {
			return used, false, err
		}
		used += taken
		done = end
	}
	return used, done, nil
}

// size is how much has come of the request at hand.
func (in *incoming) size() int64 {
	n := int64(len(in.buf))
	if in.spool != nil {
		n += in.spool.Size()
	}
	return n
}

// forget gives up what was received.
func (in *incoming) forget(r *Reactor) {
	r.http.SpoolMemory.Give(int64(in.taken))
	in.buf, in.taken, in.parser = nil, 0, nil
}

// dropContent gives up the content of the request.
func (in *incoming) dropContent(r *Reactor) {
	if in.spool != nil {
		r.pool.discard(in.spool)
		in.spool = nil
	}
}

// reset gives up everything.
func (in *incoming) reset(r *Reactor) {
	in.forget(r)
	in.dropContent(r)
}

// storeRest stores the requests that follow one whose answer the client has not taken yet. Without memory for them the
// connection ends with that answer.
func (c *conn) storeRest(rest []byte) {
	if !c.in.store(c.r, rest) {
		c.in.forget(c.r)
		c.out.closeAfter, c.in.unread = true, true
	}
}

// noMemory refuses a request for which there is no memory.
func (p *poller) noMemory(c *conn) {
	p.r.counters.SpoolMemoryRefusals.Add(1)
	p.r.noMemory.Log(p.r.o.Log, "refused with 503: no memory for a request: slow clients have all that they may have", "option", "SpoolMemory")
	p.scratch.parser.Reset()
	p.turnAway(c, nil, http.StatusServiceUnavailable)
}
