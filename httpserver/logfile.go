package httpserver

import (
	"errors"
	"io"
	"math"
	"os"
	"sync"
	"syscall"
)

// A logFile is a log's file, or a FIFO, which cannot be opened before somebody reads it.
type logFile struct {
	path string

	mu     sync.Mutex // held while it is opened or closed, which waits for nobody
	f      *os.File   // nil before the first reader
	closed bool
}

// openLogFile opens the file path to append to it, and creates it when missing (mode 0640). It does not wait for a
// FIFO's reader.
func openLogFile(path string) (*logFile, error) {
	l := &logFile{path: path}
	if _, err := l.file(); err != nil && !errors.Is(err, syscall.ENXIO) {
		return nil, err
	}
	return l, nil
}

// file returns the open file.
func (l *logFile) file() (f *os.File, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil && !l.closed {
		l.f, err = OpenLog(l.path)
	}
	return l.f, err
}

// Write implements io.Writer.
func (l *logFile) Write(p []byte) (int, error) {
	f, err := l.file()
	if err != nil {
		return 0, err
	}
	return f.Write(p)
}

// Close implements io.Closer.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed = true; l.f == nil {
		return nil
	}
	return l.f.Close()
}

// pipeBuf is PIPE_BUF: so many bytes of one call do not mix with those of other processes (pipe(7)).
const pipeBuf = 4096

// togetherIn returns how many bytes of several records may be written to w by one call. The records of several
// processes do not mix in a file, which is appended to, nor up to a size in a pipe.
func togetherIn(w io.Writer) int {
	if l, ours := w.(*logFile); ours {
		w, _ = l.file()
	}
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		return math.MaxInt
	}
	return pipeBuf
}
