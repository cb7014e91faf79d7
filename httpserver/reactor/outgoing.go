//go:build linux

package reactor

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/internal/disk"
)

// outgoing is what is left of a connection's response: what the client has not taken yet, and then a file. The zero value
// is nothing.
type outgoing struct {
	spool *httpserver.Spool
	sent  int64 // of spool
	tried int64 // the size of spool when it was last tried to send of it

	file      *os.File
	fileAt    int64
	fileLeft  int64
	fileEnd   string // follows the file
	shortFile bool   // the file does not complete the response: abort then

	closeAfter bool // close when it is out
	aborted    bool // close when the answer in the outbox is out
	untilClose bool // the end of the connection is the end of the content
	entry      *httpserver.AccessEntry
}

// open makes a place for what the client has not taken.
func (o *outgoing) open(r *Reactor) {
	if o.spool == nil {
		o.spool, o.sent, o.tried = r.http.NewSpool(responseMemory), 0, 0
	}
}

// keep keeps what the client has not taken of an answer, in memory.
func (o *outgoing) keep(r *Reactor, p []byte) {
	o.open(r)
	o.spool.Keep(p)
}

// closeSpool says that the client has taken what was kept.
func (o *outgoing) closeSpool(r *Reactor) {
	r.pool.discard(o.spool)
	o.spool = nil
}

// onDisk reports whether what is left has to be read from a disk.
func (o *outgoing) onDisk() bool { return o.file != nil || o.spool != nil && o.spool.OnDisk() }

// reset gives up what is left.
func (o *outgoing) reset(r *Reactor) {
	if o.spool != nil {
		o.closeSpool(r)
	}
	if o.file != nil {
		r.pool.closeLater(o.file.Close)
	}
	*o = outgoing{}
}

// outcome is how far a part of a response has got.
type outcome uint8

const (
	blocked outcome = iota // the client takes no more now
	through                // nothing is left of it
	turned                 // others are to get their turn before the rest
)

// sendTurn is how much of a response is sent before others get their turn: a client that reads as fast as we send does not
// keep a poller.
const sendTurn = 4 << 20

// drain sends what it can of the connection's out.
func (p *poller) drain(c *conn) (outcome, error) {
	buffer := p.outBuffer()
	for turn := sendTurn; c.out.spool != nil; {
		if turn <= 0 {
			return turned, nil
		}
		if _, err := c.out.spool.Seek(c.out.sent, io.SeekStart); err != nil {
			return blocked, err
		}
		n, err := c.out.spool.Read(buffer)
		if err == io.EOF {
			c.out.closeSpool(c.r)
			break
		}
		if err != nil {
			return blocked, err
		}
		sent, err := c.write(buffer[:n])
		c.out.sent += int64(sent)
		if err != nil || sent < n {
			return blocked, err
		}
		turn -= sent
	}
	return through, nil
}

// outBuffer is apart from the buffer that the request at hand may lie in.
func (p *poller) outBuffer() []byte {
	if p.scratch.outBuf == nil {
		p.scratch.outBuf = make([]byte, readSize)
	}
	return p.scratch.outBuf
}

// flush sends what the client has not taken yet of a response whose handler is through.
func (p *poller) flush(c *conn) {
	if !p.disk && c.out.onDisk() {
		p.to = inPool
		return
	}
	state, err := p.drain(c)
	if state == through && c.out.file != nil {
		state, err = p.sendFile(c)
	}
	if state == turned {
		p.takeTurns(c)
	}
	switch {
	case err != nil:
		p.cutShort(c, err)
	case state != through: // only what the client takes counts: it may send forever
		p.expireFlush(c)
	case c.out.shortFile:
		p.cutShort(c, errShortFile)
	default:
		p.flushed(c, false)
		c.deadline.Store(0)
		p.afterResponse(c, c.out.closeAfter)
	}
}

var errShortFile = errors.New("the file does not complete the response")

// cutShort ends a response that cannot be completed.
func (p *poller) cutShort(c *conn, err error) {
	if errors.Is(err, errShortFile) {
		p.r.cut.Info(p.r.o.Log, "a file was not sent to its end: the connection is cut off", "remote", c.remote,
			"offset", c.out.fileAt, "left", c.out.fileLeft, "error", err)
	} else {
		p.r.o.Log.Debug("the client closed the connection before it had the whole response", "remote", c.remote, "error", err)
	}
	p.flushed(c, true)
	if c.out.untilClose {
		c.reset()
		return
	}
	c.close()
}

// fileStep is how much of a file is sent by one system call.
const fileStep = 1 << 20

// sendFile sends with sendfile(2), which takes the offset from us.
func (p *poller) sendFile(c *conn) (outcome, error) {
	for turn := sendTurn; c.out.fileLeft > 0; {
		if turn <= 0 {
			return turned, nil
		}
		n, err := c.sendfile(c.out.file, &c.out.fileAt, int(min(c.out.fileLeft, fileStep)))
		if err == unix.EINVAL || err == unix.ENOSYS { // the file's file system cannot
			n, err = p.copyFile(c)
		}
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return blocked, nil
		case err != nil:
			return blocked, err
		case n == 0:
			return blocked, errShortFile
		default:
			c.out.fileLeft -= int64(n)
			turn -= n
		}
	}
	_ = disk.Close(c.out.file) // it was only read
	c.out.file = nil
	if c.out.fileEnd == "" {
		return through, nil
	}
	c.out.keep(c.r, []byte(c.out.fileEnd))
	c.out.fileEnd = ""
	return p.drain(c)
}

// copyFile sends a piece of the file as sendfile(2) would, by reading and writing.
func (p *poller) copyFile(c *conn) (n int, err error) {
	buffer := p.outBuffer()
	n, err = disk.ReadAt(c.out.file, buffer[:min(c.out.fileLeft, int64(len(buffer)))], c.out.fileAt)
	if n == 0 {
		if err == io.EOF {
			err = nil
		}
		return 0, err
	}
	n, err = c.write(buffer[:n])
	c.out.fileAt += int64(n)
	if n == 0 && err == nil {
		err = unix.EAGAIN
	}
	return n, err
}

// outStep is how much is added to what a client has not taken before it is tried again, though the kernel
// has not said that it takes more now. To try with each piece would cost a system call a piece.
const outStep = 64 << 10

// tryAgain reports whether the client is likely to take something of what is kept.
func (c *conn) tryAgain() bool {
	writable := c.bits.Load()&unix.EPOLLOUT != 0
	if writable {
		c.bits.And(^uint32(unix.EPOLLOUT))
	}
	if !writable && c.out.spool.Size()-c.out.tried < outStep {
		return false
	}
	c.out.tried = c.out.spool.Size()
	return true
}

// takeTurns has p, or another poller of its kind, go on with c when others have had their turn.
func (p *poller) takeTurns(c *conn) {
	if p.disk {
		p.to = inPool
	} else {
		p.r.again(c)
	}
}

// again queues an event for c as if it had come from the kernel.
func (r *Reactor) again(c *conn) {
	r.queue.pushEvents([]unix.EpollEvent{{Events: unix.EPOLLOUT, Fd: int32(c.fd), Pad: int32(c.generation)}})
	r.call()
}
