package httpserver

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"time"
)

// AccessEntry is what the access log tells of one response. Byte slices are the client's bytes, empty
// when it sent none.
type AccessEntry struct {
	// Time is when the head of the request had been read.
	Time time.Time
	// Remote is the peer; the zero Addr on a unix socket.
	Remote netip.Addr
	// Method, Target, Referer and UserAgent are as sent.
	Method, Target, Referer, UserAgent []byte
	// Proto is "HTTP/1.0", "HTTP/1.1" or "HTTP/2.0".
	Proto string
	// Status is the status sent. A request that got none counts as 400 when it broke off, and as 499 when
	// the client left before there was an answer.
	Status int
	// Bytes is how many bytes of content were sent.
	Bytes int64
	// RequestID is Request.ID.
	RequestID string
	// Duration runs from Time to the end of the response; Queued is the part of it that the request
	// waited for a thread.
	Duration, Queued time.Duration
	// Aborted says that the client did not get the whole response.
	Aborted bool
}

// AccessLog writes a line for every response, each by one call of Write. Its methods may be called
// concurrently, and on a nil *AccessLog, which writes nothing.
type AccessLog struct {
	format  func(line []byte, e *AccessEntry) []byte
	buffers sync.Pool // of *[]byte

	path string // of the file that OpenAccessLog opened; "" for another writer

	mu sync.Mutex // held while writing
	w  io.Writer
}

// NewAccessLog returns an AccessLog that writes to w in one of two formats: "combined" is Apache's
// combined log format followed by ` id=… dur=…us queue=…us` (microseconds), "json" is one object a line.
func NewAccessLog(w io.Writer, format string) (*AccessLog, error) {
	l := &AccessLog{w: w, buffers: sync.Pool{New: func() any { return new([]byte) }}}
	switch format {
	case "combined":
		l.format = appendCombined
	case "json":
		l.format = appendJSON
	default:
		return nil, fmt.Errorf(`%q is no access log format: use "combined" or "json"`, format)
	}
	return l, nil
}

// OpenAccessLog returns an AccessLog that appends to the file path, which it creates when missing (mode
// 0640). "-" is the standard output; for "off" it returns nil, which logs nothing.
func OpenAccessLog(path, format string) (*AccessLog, error) {
	l, err := NewAccessLog(os.Stdout, format)
	switch {
	case err != nil:
		return nil, err
	case path == "-":
		return l, nil
	case path == "off":
		return nil, nil
	case path == "":
		return nil, fmt.Errorf(`the access log needs a path, "-" for the standard output, or "off"`)
	}
	l.path = path
	l.w, err = openLog(path)
	return l, err
}

func openLog(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("cannot write the access log: %w", err)
	}
	return f, nil
}

// Reopen opens the file anew, for when it was renamed to be rotated; another writer stays as it is. When that fails
// the old file is written on.
func (l *AccessLog) Reopen() error {
	if l == nil || l.path == "" {
		return nil
	}
	f, err := openLog(l.path)
	if err != nil {
		return err
	}
	l.mu.Lock()
	old := l.w
	l.w = f
	l.mu.Unlock()
	return old.(*os.File).Close()
}

// Log writes a line for e, which it does not keep. The error is the writer's.
func (l *AccessLog) Log(e *AccessEntry) error {
	if l == nil {
		return nil
	}
	buffer := l.buffers.Get().(*[]byte)
	defer l.buffers.Put(buffer)
	*buffer = append(l.format((*buffer)[:0], e), '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.w.Write(*buffer)
	return err
}

// Close closes the file that OpenAccessLog opened, and nothing else.
func (l *AccessLog) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if f, ok := l.w.(*os.File); ok && f != os.Stdout {
		return f.Close()
	}
	return nil
}
