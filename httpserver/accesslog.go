package httpserver

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"time"
)

// AccessEntry is what the access log says of one response. Byte slices are the client's bytes, empty
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

// AccessLog writes a line for every response, by a [LogWriter]. Its methods may be called concurrently, and on a nil
// *AccessLog, which writes nothing.
type AccessLog struct {
	format  func(line []byte, e *AccessEntry) []byte
	buffers sync.Pool // of *[]byte
	lines   *LogWriter
	log     *slog.Logger
	path    string // of the file that OpenAccessLog opened; "" for another writer
}

// The times of an access log: how long lines wait for others, and at the end for whoever takes them.
const (
	accessLogDelay = 20 * time.Millisecond
	accessLogEnd   = time.Second
)

// NewAccessLog returns an AccessLog that writes to w, one call of Write for each line and one call at a time, in one of
// two formats: "combined" is Apache's combined log format followed by ` id=… dur=…us queue=…us` (microseconds), "json"
// is one object a line. Messages about lines that cannot be written go to log; nil is nowhere.
func NewAccessLog(w io.Writer, format string, log *slog.Logger) (*AccessLog, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l := &AccessLog{log: log, buffers: sync.Pool{New: func() any { return new([]byte) }}}
	switch format {
	case "combined":
		l.format = appendCombined
	case "json":
		l.format = appendJSON
	default:
		return nil, fmt.Errorf(`%q is not an access log format: use "combined" or "json"`, format)
	}
	l.lines = NewLogWriter(w, "the access log", accessLogDelay, log)
	return l, nil
}

// OpenAccessLog is NewAccessLog for the file path, which it appends to and creates when missing (mode 0640); several
// lines may be one call of write(2). "-" is the standard output; for "off" it returns nil, which logs nothing.
func OpenAccessLog(path, format string, log *slog.Logger) (*AccessLog, error) {
	l, err := NewAccessLog(os.Stdout, format, log)
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
	return l, l.open()
}

func (l *AccessLog) open() error {
	f, err := openLogFile(l.path)
	if err != nil {
		return fmt.Errorf("cannot write the access log: %w", err)
	}
	if old, ours := l.lines.setOutput(f).(*logFile); ours {
		return old.Close()
	}
	return nil
}

// Reopen opens the file again, for when it was renamed to be rotated; another writer stays as it is. When that fails
// the old file is written on.
func (l *AccessLog) Reopen() error {
	if l == nil || l.path == "" {
		return nil
	}
	l.lines.Flush(accessLogEnd)
	return l.open()
}

// Log writes a line for e, which it does not keep, of at most 4096 bytes: longer fields are cut. It does not wait for the writer; the error is ErrLogFull.
func (l *AccessLog) Log(e *AccessEntry) error {
	if l == nil {
		return nil
	}
	buffer := l.buffers.Get().(*[]byte)
	defer l.buffers.Put(buffer)
	*buffer = append(l.format((*buffer)[:0], e), '\n')
	if len(*buffer) > longestLine {
		*buffer = append(l.format((*buffer)[:0], e.shortened()), '\n')
	}
	_, err := l.lines.Write(*buffer)
	return err
}

// Close waits until the lines are written, a second at most, reports how many are not, and closes the file that
// OpenAccessLog opened, but nothing else.
func (l *AccessLog) Close() error {
	if l == nil {
		return nil
	}
	l.lines.Flush(accessLogEnd)
	if n, err := l.lines.missing(); err != nil {
		l.log.Warn("lines of the access log are lost", "lost", n, "error", err)
	} else if n > 0 {
		l.log.Warn("lines of the access log are lost", "lost", n)
	}
	if f, ours := l.lines.setOutput(io.Discard).(*logFile); ours {
		return f.Close()
	}
	return nil
}
