//go:build linux

package reactor

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver/http1"
)

// streamed is content that the handler reads from the connection, on its own time (--request-buffering
// off). It reads ahead no further than the connection's buffer.
type streamed struct {
	c       *conn
	res     *response
	pending []byte // received, not handed out
	buf     []byte
	left    int64 // of a declared length
	chunked bool
	chunks  http1.ChunkedDecoder
	done    bool
	expect  bool // the client waits for 100 (Continue)
	taken   int64
	allowed allowance
	err     error
}

// Read implements io.Reader. Every error but io.EOF wraps io.ErrUnexpectedEOF, and an *http1.Error if the client is to get an answer.
func (b *streamed) Read(p []byte) (n int, err error) {
	for n == 0 && b.err == nil {
		if b.done {
			return 0, io.EOF
		}
		if len(b.pending) == 0 {
			b.err = b.fill()
			continue
		}
		n = b.handOut(p)
	}
	if n == 0 && b.err != nil {
		return 0, fmt.Errorf("%w of the request: %w", io.ErrUnexpectedEOF, b.err)
	}
	return n, nil
}

// Stop implements httpserver.Stopper: the kernel wakes whoever waits, and reports the end.
func (b *streamed) Stop() { b.c.stopReading() }

// handOut hands out content from pending.
func (b *streamed) handOut(p []byte) (n int) {
	used := 0
	if b.chunked {
		if n, used, b.done, b.err = b.chunks.Decode(p, b.pending); b.err != nil {
			b.c.r.counters.Malformed.Add(1)
		}
	} else {
		n = copy(p[:min(int64(len(p)), b.left)], b.pending)
		used = n
		b.left -= int64(n)
		b.done = b.left == 0
	}
	b.pending = b.pending[used:]
	b.taken += int64(n)
	if limit := b.c.r.http.MaxBody; limit >= 0 && b.taken > limit {
		b.c.r.counters.TooLarge.Add(1)
		b.c.r.cut.Info(b.c.r.o.Log, "the content of a request is cut off: it is too large", "option", "MaxBody", "remote", b.c.remote)
		b.err = &http1.Error{Status: http.StatusRequestEntityTooLarge, Reason: "the content is too large"}
		return 0
	}
	return n
}

// fill waits for more from the client.
func (b *streamed) fill() error {
	if b.expect {
		b.expect = false
		if err := b.goOn(); err != nil {
			return err
		}
	}
	if b.buf == nil {
		b.buf = make([]byte, 16<<10)
	}
	for {
		n, _, err := b.c.read(b.buf)
		switch {
		case err == unix.EAGAIN:
			if err := b.await(); err != nil {
				return err
			}
		case err != nil:
			return err
		case n == 0:
			return io.EOF
		default:
			b.pending = b.buf[:n]
			return nil
		}
	}
}

// goOn sends 100 (Continue), unless the answer has begun: it would stand in the middle of that.
func (b *streamed) goOn() error {
	if b.res.sent {
		return nil
	}
	return b.c.sendContinue()
}

// await waits until the client sends, for as long as --body-rate allows.
func (b *streamed) await() error {
	r := b.c.r
	if r.o.Limits.BodyRate < 0 {
		return b.c.await(unix.POLLIN, forever)
	}
	err := b.allowed.wait(b.c, unix.POLLIN, func() int64 { return b.taken })
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.counters.BodyTimeouts.Add(1)
		r.cut.Info(r.o.Log, "the content of a request is cut off: it came too slowly", "remote", b.c.remote)
		err = &http1.Error{Status: http.StatusRequestTimeout, Reason: "it came too slowly"}
	}
	return err
}

// serveStreamed answers a request whose content comes in while the handler runs.
func (p *poller) serveStreamed(c *conn, data []byte, n int) (rest []byte) {
	if p.thread < 0 {
		p.storeAndQueue(c, data)
		return nil
	}
	h, res := &p.scratch.head, &p.scratch.res
	body := &streamed{c: c, res: res, pending: data[n:], left: h.ContentLength, chunked: h.Chunked, expect: h.ExpectContinue,
		allowed: newAllowance(p.r.o.Limits.Body(), 0)}
	res.streamed = body
	p.serve(c, body, h.ContentLength, nil)
	if c.phase == phaseFlush {
		c.storeRest(body.pending)
	}
	return body.pending
}
