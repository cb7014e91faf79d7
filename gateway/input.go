package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync/atomic"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// ErrNotSeekable is returned by Seek for content that is streamed.
var ErrNotSeekable = refuse(UnsupportedOperation, "wsgi.input cannot seek: the server streams requests instead of buffering them")

// Input is wsgi.input ("PEP 3333, Input and Error Streams"): it ends where the content ends, however long
// the application reads, and a read after the end does not touch the connection.
type Input struct {
	reader *bufio.Reader
	body   io.Reader // what reader reads from
	seeker io.Seeker // nil when the content is streamed
	length int64     // -1 when not known
	pos    int64     // how far the application has read
	err    error     // sticky: the end, or why there is none

	// refusal is the status for a client that has sent the content wrongly, as far as it was read; 0 for nothing. It is atomic, as
	// another thread may still read when the request ends.
	refusal int32
}

func (in *Input) reset(r *httpserver.Request) {
	in.length, in.pos, in.err, in.seeker, in.body = r.ContentLength, 0, nil, nil, r.Body
	in.refusal = 0
	if r.Body == nil {
		in.length, in.err = 0, io.EOF
		return
	}
	in.note(0, nil)
	in.seeker, _ = r.Body.(io.Seeker)
	if in.reader == nil {
		in.reader = bufio.NewReader(r.Body)
	} else {
		in.reader.Reset(r.Body)
	}
}

// release forgets the request's content, which the engine may use again.
func (in *Input) release() {
	if in.reader != nil {
		in.reader.Reset(nil)
	}
	in.seeker, in.body, in.err = nil, nil, io.EOF
}

// Stop has a read that waits for the client on another goroutine fail. It can be called while the content is in use.
func (in *Input) Stop() {
	if stopper, ok := in.body.(httpserver.Stopper); ok {
		stopper.Stop()
	}
}

// Remaining returns how many bytes are left to read, or -1 when that is not known.
func (in *Input) Remaining() int64 {
	switch {
	case in.err != nil:
		return 0
	case in.length < 0:
		return -1
	}
	return max(in.length-in.pos, 0)
}

// Read fills p unless the content ends before; it blocks while streamed content is on its way. At the end
// it returns io.EOF, forever. Any other error means that the client broke off: it stays, and what came
// before it is not handed out, so that a broken request never looks like a short one.
func (in *Input) Read(p []byte) (n int, err error) {
	for n < len(p) && in.err == nil {
		var m int
		m, err = in.reader.Read(p[n : n+in.within(len(p)-n)])
		n += m
		in.note(m, err)
	}
	if in.err != nil && (n == 0 && len(p) > 0 || in.err != io.EOF) {
		return 0, in.err
	}
	return n, nil
}

// ReadSome is Read, but returns once there is something.
func (in *Input) ReadSome(p []byte) (n int, err error) {
	if in.err == nil && len(p) > 0 {
		n, err = in.reader.Read(p[:in.within(len(p))])
		in.note(n, err)
	}
	if in.err != nil && (n == 0 && len(p) > 0 || in.err != io.EOF) {
		return 0, in.err
	}
	return n, nil
}

// note counts what was read and keeps how reading ended. At the announced length it ends without asking
// the connection.
func (in *Input) note(n int, err error) {
	in.pos += int64(n)
	switch {
	case in.length >= 0 && in.pos >= in.length:
		err = io.EOF
	case in.length >= 0 && err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	if fault := (*http1.Error)(nil); err != nil && err != io.EOF && errors.As(err, &fault) {
		atomic.StoreInt32(&in.refusal, int32(fault.Status))
	}
	in.err = err
}

// within returns how many of n bytes the content has left, as far as that is known.
func (in *Input) within(n int) int {
	if in.length < 0 {
		return n
	}
	return int(min(int64(n), in.length-in.pos))
}

// ReadLine reads into p up to and including a newline. done is false when p was filled first. At the end
// of the content it returns io.EOF; errors are those of Read.
func (in *Input) ReadLine(p []byte) (n int, done bool, err error) {
	for n < len(p) && in.err == nil && !done {
		if _, err := in.reader.Peek(1); err != nil {
			in.note(0, err)
			break
		}
		line, _ := in.reader.Peek(in.within(min(in.reader.Buffered(), len(p)-n)))
		if newline := bytes.IndexByte(line, '\n'); newline >= 0 {
			line, done = line[:newline+1], true
		}
		n += copy(p[n:], line)
		in.note(len(line), nil)
		_, _ = in.reader.Discard(len(line))
	}
	if in.err != nil && (n == 0 || in.err != io.EOF) {
		return 0, true, in.err
	}
	return n, done || in.err != nil, nil
}

// Tell returns the position in the content, in bytes.
func (in *Input) Tell() int64 { return in.pos }

// Seekable reports whether Seek works: whether the content is spooled, or there is none.
func (in *Input) Seekable() bool { return in.seeker != nil || in.length == 0 }

// Seek moves the position as io.Seeker does and returns the new one. It returns [ErrNotSeekable] for
// streamed content.
func (in *Input) Seek(offset int64, whence int) (int64, error) {
	if !in.Seekable() {
		return 0, ErrNotSeekable
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += in.pos
	case io.SeekEnd:
		offset += in.length
	default:
		return 0, refuse(ValueError, "invalid whence (%d, should be 0, 1 or 2)", whence)
	}
	if offset < 0 {
		return 0, refuse(ValueError, "negative seek position %d", offset)
	}
	if in.seeker == nil {
		in.pos = offset
		return offset, nil
	}
	if _, err := in.seeker.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	in.reader.Reset(in.seeker.(io.Reader))
	in.pos = offset
	in.note(0, nil)
	return offset, nil
}
