//go:build linux

package reactor

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver/internal/disk"
)

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
	for turn := sendTurn; c.out != nil; {
		if turn <= 0 {
			return turned, nil
		}
		if _, err := c.out.Seek(c.outSent, io.SeekStart); err != nil {
			return blocked, err
		}
		n, err := c.out.Read(buffer)
		if err == io.EOF {
			c.r.pool.discard(c.out)
			c.out = nil
			break
		}
		if err != nil {
			return blocked, err
		}
		sent, err := c.writeAll(buffer[:n])
		c.outSent += int64(sent)
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
	if !p.disk && (c.file != nil || c.out != nil && c.out.OnDisk()) {
		p.to = inPool
		return
	}
	state, err := p.drain(c)
	if state == through && c.file != nil {
		state, err = p.sendFile(c)
	}
	if state == turned {
		p.takeTurns(c)
	}
	switch {
	case err != nil:
		p.cutShort(c, err)
	case state != through: // only what the client takes counts: it may send for ever
		p.expireFlush(c)
	case c.shortFile:
		p.cutShort(c, errShortFile)
	default:
		p.flushed(c, false)
		c.deadline.Store(0)
		p.next(c, c.closeAfter)
	}
}

var errShortFile = errors.New("the file does not complete the response")

// cutShort ends a response that cannot be completed.
func (p *poller) cutShort(c *conn, err error) {
	if errors.Is(err, errShortFile) {
		p.r.cut.Info(p.r.o.Log, "a file was not sent to its end: the connection is cut off", "remote", c.remote,
			"offset", c.fileAt, "left", c.fileLeft, "error", err)
	} else {
		p.r.o.Log.Debug("the client closed the connection before it had the whole response", "remote", c.remote, "error", err)
	}
	p.flushed(c, true)
	if c.untilClose {
		c.reset()
		return
	}
	c.close()
}

// fileStep is how much of a file is sent by one system call.
const fileStep = 1 << 20

// sendFile sends with sendfile(2), which takes the offset from us.
func (p *poller) sendFile(c *conn) (outcome, error) {
	for turn := sendTurn; c.fileLeft > 0; {
		if turn <= 0 {
			return turned, nil
		}
		n, err := sendfile(c.fd, c.file, &c.fileAt, int(min(c.fileLeft, fileStep)))
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
			c.fileLeft -= int64(n)
			c.written += int64(n)
			turn -= n
		}
	}
	_ = disk.Close(c.file) // it was only read
	c.file = nil
	if c.fileEnd == "" {
		return through, nil
	}
	c.newOut()
	c.out.Keep([]byte(c.fileEnd))
	c.fileEnd = ""
	return p.drain(c)
}

// copyFile sends a piece of the file as sendfile(2) would, by reading and writing.
func (p *poller) copyFile(c *conn) (n int, err error) {
	buffer := p.outBuffer()
	n, err = disk.ReadAt(c.file, buffer[:min(c.fileLeft, int64(len(buffer)))], c.fileAt)
	if n == 0 {
		if err == io.EOF {
			err = nil
		}
		return 0, err
	}
	n, err = c.writeAll(buffer[:n])
	c.fileAt += int64(n)
	if n == 0 && err == nil {
		err = unix.EAGAIN
	}
	return n, err
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
