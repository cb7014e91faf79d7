//go:build linux

package reactor

import (
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
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

// conn is a connection. All but the atomic fields belong to its owner: the worker whose claim succeeded,
// or the queue.
//
// The descriptor is in the epoll set edge-triggered, without EPOLLONESHOT: there is no system call a
// request for it, but an event may come while another worker is at work on the connection. Then the
// connection is only marked, and its owner looks again before it lets go.
type conn struct {
	r          *Reactor
	fd         int
	generation uint32 // descriptors are used again while events for the old connection still wait
	owner      atomic.Uint32
	bits       atomic.Uint32 // events that nobody has looked at
	deadline   atomic.Int64  // when the sweeper has to look, in Reactor.now; 0 is never

	phase         phase
	queued        bool   // the queue owns it
	hangup        bool   // the client sends no more
	in            []byte // received and not used: a part of a head, a head whose content comes in, or more requests
	parser        *http1.Parser
	served        int
	began         int64 // when the first byte of the head came, in Reactor.now; 0 before
	remote, local netip.AddrPort

	// The request whose content comes in (phaseBody, phaseReady); its head is in[:head].
	head     int
	spool    *httpserver.Spool
	left     int64 // of a declared length
	chunked  bool
	chunks   http1.ChunkedDecoder
	bodyFrom int64

	// The response that the client has not taken yet.
	out          *httpserver.Spool
	outSent      int64
	file         *os.File
	fileAt       int64
	fileLeft     int64
	fileEnd      string // follows the file
	closeAfter   bool   // close when it is out
	shortFile    bool   // the file does not complete the response: abort then
	entry        *httpserver.AccessEntry
	lingerBefore int64
}

// The values of conn.owner.
const (
	idle uint32 = iota
	owned
	marked // owned, and something has happened since
)

// claim makes the caller the owner, or leaves a mark for the one there is.
func (c *conn) claim() bool {
	for {
		switch {
		case c.owner.CompareAndSwap(idle, owned):
			return true
		case c.owner.CompareAndSwap(owned, marked), c.owner.Load() == marked:
			return false
		}
	}
}

// release gives the connection back, unless something has happened on it.
func (c *conn) release() bool {
	if c.owner.CompareAndSwap(owned, idle) {
		return true
	}
	c.owner.Store(owned)
	return false
}

// event handles one event of epoll.
func (w *worker) event(e unix.EpollEvent) {
	if l := w.r.table.listener(int(e.Fd), uint32(e.Pad)); l != nil {
		w.r.accept(l)
		return
	}
	c := w.r.table.conn(int(e.Fd))
	if c == nil || c.generation != uint32(e.Pad) {
		return
	}
	c.bits.Or(e.Events)
	if c.claim() {
		w.drive(c)
	}
}

// drive does what can be done for a connection that w owns, and lets go of it.
func (w *worker) drive(c *conn) {
	c.queued = false
	for {
		if c.bits.Swap(0)&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			c.hangup = true
		}
		w.step(c)
		if c.phase == phaseClosed || c.queued || c.release() {
			return
		}
	}
}

func (w *worker) step(c *conn) {
	switch c.phase {
	case phaseHead:
		w.receive(c)
	case phaseBody:
		w.receiveBody(c)
	case phaseReady:
		w.serveSpooled(c)
	case phaseFlush:
		w.flush(c)
	case phaseLinger:
		w.linger(c)
	}
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
	c.dropRequest()
	c.dropResponse()
	c.in, c.parser = nil, nil
	c.r.table.remove(c)
	unix.EpollCtl(c.r.epoll, unix.EPOLL_CTL_DEL, c.fd, nil)
	unix.Shutdown(c.fd, unix.SHUT_RDWR)
	if d := c.r.o.HTTP.Descriptors; d != nil {
		d.Closed(c.fd)
	}
	unix.Close(c.fd)
	c.r.stats.Connections.Add(-1)
}

// reset closes the connection so that the client sees an error, not an end.
func (c *conn) reset() {
	unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	c.close()
}

func (c *conn) dropRequest() {
	if c.spool != nil {
		c.spool.Close()
		c.spool = nil
	}
}

func (c *conn) dropResponse() {
	if c.out != nil {
		c.out.Close()
		c.out = nil
	}
	if c.file != nil {
		c.file.Close()
		c.file = nil
	}
}
