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
// keep a worker.
const sendTurn = 4 << 20

// drain sends what it can of the connection's out.
func (w *worker) drain(c *conn) (outcome, error) {
	buffer := w.outBuffer()
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
func (w *worker) outBuffer() []byte {
	if w.scratch.outBuf == nil {
		w.scratch.outBuf = make([]byte, readSize)
	}
	return w.scratch.outBuf
}

// flush sends what the client has not taken yet of a response whose handler is through.
func (w *worker) flush(c *conn) {
	if !w.disk && (c.file != nil || c.out != nil && c.out.OnDisk()) {
		w.to = inPool
		return
	}
	state, err := w.drain(c)
	if state == through && c.file != nil {
		state, err = w.sendFile(c)
	}
	if state == turned {
		w.takeTurns(c)
	}
	switch {
	case err != nil:
		w.cutShort(c, err)
	case state != through: // only what the client takes counts: it may send for ever
		w.expireFlush(c)
	case c.shortFile:
		w.cutShort(c, errShortFile)
	default:
		w.flushed(c, false)
		c.deadline.Store(0)
		w.next(c, c.closeAfter)
	}
}

var errShortFile = errors.New("the file does not complete the response")

// cutShort ends a response that cannot be completed.
func (w *worker) cutShort(c *conn, err error) {
	if errors.Is(err, errShortFile) {
		w.r.cut.Info(w.r.o.Log, "a file was not sent to its end: the connection is cut off", "remote", c.remote,
			"offset", c.fileAt, "left", c.fileLeft, "error", err)
	} else {
		w.r.o.Log.Debug("the client closed the connection before it had the whole response", "remote", c.remote, "error", err)
	}
	w.flushed(c, true)
	if c.untilClose {
		c.reset()
		return
	}
	c.close()
}

// fileStep is how much of a file is sent by one system call.
const fileStep = 1 << 20

// sendFile sends with sendfile(2), which takes the offset from us.
func (w *worker) sendFile(c *conn) (outcome, error) {
	for turn := sendTurn; c.fileLeft > 0; {
		if turn <= 0 {
			return turned, nil
		}
		n, err := sendfile(c.fd, c.file, &c.fileAt, int(min(c.fileLeft, fileStep)))
		if err == unix.EINVAL || err == unix.ENOSYS { // the file's file system cannot
			n, err = w.copyFile(c)
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
	return w.drain(c)
}

// copyFile sends a piece of the file as sendfile(2) would, by reading and writing.
func (w *worker) copyFile(c *conn) (n int, err error) {
	buffer := w.outBuffer()
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

// takeTurns has w, or another worker of its kind, go on with c when others have had their turn.
func (w *worker) takeTurns(c *conn) {
	if w.disk {
		w.to = inPool
	} else {
		w.r.again(c)
	}
}

// again queues an event for c as if it had come from the kernel.
func (r *Reactor) again(c *conn) {
	r.queue.pushEvents([]unix.EpollEvent{{Events: unix.EPOLLOUT, Fd: int32(c.fd), Pad: int32(c.generation)}})
	r.call()
}
