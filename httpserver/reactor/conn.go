//go:build linux

package reactor

import (
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// A phase is what a connection is about to do when something happens on it.
type phase uint8

const (
	phaseHead   phase = iota // read a request's head; idle when nothing of it has come
	phaseBody                // take in content
	phaseReady               // the request is complete: it waits for a thread
	phaseFlush               // send what the client has not taken yet
	phaseLinger              // the answer is out: read on until the client is through
	phaseClosed
)

// conn is a connection. All but the atomic fields belong to its owner, see ownership.
type conn struct {
	r          *Reactor
	fd         int
	generation uint32 // descriptors are used again while events for the old connection still wait
	own        ownership
	bits       atomic.Uint32 // events that nobody has looked at
	deadline   atomic.Int64  // when the sweeper has to look, in Reactor.now; 0 is never

	phase         phase
	hangup        bool   // the client sends no more
	dry           bool   // nothing more could be read when its request was queued, and no event has come since
	in            []byte // received and not used: a part of a head, a head whose content comes in, or more requests
	inTaken       int    // of Options.SpoolMemory, for in
	parser        *http1.Parser
	shown         scoreboard.ConnState
	served        int
	began         int64 // when the first byte of the head came, in Reactor.now; 0 before
	remote, local netip.AddrPort
	countedAs     netip.Addr // in Reactor.addresses; zero: not there

	// The request whose content comes in, or that waits for a thread; its head is in[:head] in phaseBody and
	// phaseReady.
	arrived int64 // when its head had been read, in Reactor.now; 0 when that is now
	waited  time.Duration
	head    int
	spool   *httpserver.Spool
	left    int64 // of a declared length
	chunked bool
	chunks  http1.ChunkedDecoder

	// The response that the client has not taken yet.
	out          *httpserver.Spool
	written      int64 // to the connection, ever, but for heads
	movedThen    int64 // how much the client had moved when the deadline was set: of the content, or of written
	outSent      int64
	outTried     int64 // the size of out when it was last tried to send of it
	file         *os.File
	fileAt       int64
	fileLeft     int64
	fileEnd      string // follows the file
	closeAfter   bool   // close when it is out
	aborted      bool   // close when the answer in the outbox is out
	unread       bool   // when closing: the client has sent more than was read, or will
	shortFile    bool   // the file does not complete the response: abort then
	untilClose   bool   // the end of the connection is the end of the content
	entry        *httpserver.AccessEntry
	lingerBefore int64

	ending sync.Mutex // held while the descriptor is closed, or shut down by who does not own the connection
	ended  bool
}

// event handles one event of epoll.
func (p *poller) event(e unix.EpollEvent) {
	if l := p.r.table.listener(int(e.Fd), uint32(e.Pad)); l != nil {
		p.r.accept(l, p)
		return
	}
	c := p.r.table.conn(int(e.Fd))
	if c == nil || c.generation != uint32(e.Pad) {
		return
	}
	c.bits.Or(e.Events)
	if c.own.claim() {
		p.drive(c)
	}
}

// drive does what can be done for a connection that p owns, and lets go of it.
func (p *poller) drive(c *conn) {
	served := c.served
	p.look(c)
	p.finish(c, served)
}

// look does what can be done for c now. Afterwards w.to says who is to own it.
func (p *poller) look(c *conn) {
	p.to = nobody
	if bits := c.bits.Swap(0); bits != 0 {
		c.dry = false
		c.hangup = c.hangup || bits&hangupEvents != 0
	}
	for p.step(c) {
	}
}

// finish ends p's ownership, after what has happened meanwhile. c may be another's then. served is how many requests had
// been answered when p took c: who sends the next one already, while others wait, waits for its turn.
func (p *poller) finish(c *conn, served int) {
	for !p.letGo(c) {
		if p.to == nobody && c.served != served && p.r.queue.ready(true) {
			served = c.served
			p.r.again(c)
			continue
		}
		p.look(c)
	}
}

// gone are the events after which the client sends no more.
const hangupEvents = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR

// step does the next thing, and reports whether there is another one to do at once. No step calls another:
// pipelined requests would nest.
func (p *poller) step(c *conn) (again bool) {
	before := c.phase
	switch c.phase {
	case phaseHead:
		p.receive(c)
	case phaseBody:
		p.receiveBody(c)
	case phaseReady:
		p.serveSpooled(c)
	case phaseFlush:
		p.flush(c)
	case phaseLinger:
		p.linger(c)
	}
	return p.to == nobody && c.phase != before && c.phase != phaseClosed
}

// letGo ends p's ownership, as w.to says. It returns false when there is more to do, and p is the owner still;
// otherwise c may be another's already.
func (p *poller) letGo(c *conn) bool {
	c.show()
	switch {
	case c.phase == phaseClosed:
		return true
	case p.to == nobody:
		return c.own.release()
	case p.to == inQueue:
		return p.letQueue(c)
	}
	pooled := p.to == inPool
	c.own.give(p.to)
	if pooled {
		p.r.pool.wait(c)
	}
	return true
}

// show has c counted by what it waits for.
func (c *conn) show() {
	state := scoreboard.ConnBusy
	switch c.phase {
	case phaseHead:
		if state = scoreboard.ConnIdle; len(c.in) > 0 {
			state = scoreboard.ConnReading
		}
	case phaseBody:
		state = scoreboard.ConnReading
	case phaseFlush, phaseLinger:
		state = scoreboard.ConnWriting
	case phaseClosed:
		state = scoreboard.ConnGone
	}
	c.r.counters.Show(&c.shown, state)
}

// letQueue gives c to the queue. If that is full, c stays p's, and its request is refused.
func (p *poller) letQueue(c *conn) bool {
	c.own.give(inQueue)
	if p.r.push(item{conn: c}) {
		return true
	}
	c.own.take(inQueue)
	p.r.counters.QueueFull.Add(1)
	p.overloaded(c, &p.r.crowded, "the queue for the threads is full")
	return false
}

// read is read(2) without the Go scheduler, as the descriptor does not block.
func (c *conn) read(p []byte) (int, error) {
	for {
		n, err := rawRead(c.fd, p)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// expire sets when the sweeper has to look.
func (c *conn) expire(d time.Duration) { c.deadline.Store(c.r.now() + int64(d)) }

// close ends the connection. EPOLL_CTL_DEL and shutdown come first, because a process that the application
// has forked may hold another descriptor of it.
func (c *conn) close() {
	if c.phase == phaseClosed {
		return
	}
	c.phase = phaseClosed
	c.show()
	c.own.end()
	c.dropRequest()
	c.dropResponse()
	c.forget()
	c.parser, c.entry = nil, nil
	c.r.table.remove(c)
	unix.EpollCtl(c.r.epoll, unix.EPOLL_CTL_DEL, c.fd, nil)
	unix.Shutdown(c.fd, unix.SHUT_RDWR)
	if d := c.r.http.Descriptors; d != nil {
		d.Closed(c.fd)
	}
	c.ending.Lock()
	c.ended = true
	unix.Close(c.fd)
	c.ending.Unlock()
	c.r.addresses.Leave(c.countedAs)
	c.r.countClosed()
}

// kill ends the connection under its owner, who finds it broken.
func (c *conn) kill() { c.cut(false) }

// cut is kill, by a reset if the client would otherwise take the end of the connection for the end of the content.
func (c *conn) cut(reset bool) {
	c.ending.Lock()
	defer c.ending.Unlock()
	if c.ended {
		return
	}
	if reset {
		disconnect(c.fd)
	}
	unix.Shutdown(c.fd, unix.SHUT_RDWR)
}

// reset closes the connection so that the client sees an error, not an end. It works on TCP only.
func (c *conn) reset() {
	if c.phase != phaseClosed {
		disconnect(c.fd)
		c.close()
	}
}

func (c *conn) dropRequest() {
	if c.spool != nil {
		c.r.pool.discard(c.spool)
		c.spool = nil
	}
}

func (c *conn) dropResponse() {
	if c.out != nil {
		c.r.pool.discard(c.out)
		c.out = nil
	}
	if c.file != nil {
		c.r.pool.closeLater(c.file.Close)
		c.file = nil
	}
}
