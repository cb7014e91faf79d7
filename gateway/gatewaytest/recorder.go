package gatewaytest

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/pyserve/pyserve/httpserver"
)

// Recorder is an httpserver.ResponseWriter that keeps the response in memory and notes every breach of
// that interface's contract. The zero value is ready for use.
type Recorder struct {
	// Head is what WriteHead got, nil before it.
	Head *httpserver.Head
	// Content is what Write and SendFile sent.
	Content []byte
	// File says that SendFile was called.
	File bool
	// Aborted says that Abort was called.
	Aborted bool
	// Events are the calls in order: "head", "write N", "file OFFSET+N", "abort".
	Events []string
	// Violations are the breaches of the contract, in words.
	Violations []string

	limited bool
	limit   int
	inside  atomic.Bool
}

// DisconnectAfter lets the client be gone once n bytes of content were taken.
func (w *Recorder) DisconnectAfter(n int) { w.limited, w.limit = true, n }

// WriteHead implements httpserver.ResponseWriter.
func (w *Recorder) WriteHead(h *httpserver.Head) error {
	defer w.enter("head")()
	w.must(w.Head == nil, "WriteHead was called twice")
	w.must(!w.Aborted, "WriteHead was called after Abort")
	kept := *h
	kept.Fields = slices.Clone(h.Fields)
	w.Head = &kept
	for _, fault := range headFaults(h) {
		w.must(false, "%s", fault)
	}
	if w.limited && w.limit == 0 {
		return httpserver.ErrDisconnected
	}
	return nil
}

// Write implements httpserver.ResponseWriter. When the client leaves in the middle of p, what came before
// is kept.
func (w *Recorder) Write(p []byte) error {
	defer w.enter(fmt.Sprintf("write %d", len(p)))()
	w.must(!w.File, "Write was called after SendFile")
	w.must(len(p) > 0, "Write was called without content")
	return w.take(p)
}

// SendFile implements httpserver.ResponseWriter: it reads the region back and closes f.
func (w *Recorder) SendFile(f *os.File, offset, n int64) error {
	defer f.Close()
	defer w.enter(fmt.Sprintf("file %d+%d", offset, n))()
	w.must(!w.File, "SendFile was called twice")
	w.must(offset >= 0 && n > 0, "SendFile was called for %d bytes from %d", n, offset)
	w.File = true
	region, err := io.ReadAll(io.NewSectionReader(f, offset, n))
	w.must(err == nil && int64(len(region)) == n, "the file region is %d bytes long instead of %d: %v", len(region), n, err)
	return w.take(region)
}

// Abort implements httpserver.ResponseWriter.
func (w *Recorder) Abort() {
	defer w.enter("abort")()
	w.must(!w.Aborted, "Abort was called twice")
	w.Aborted = true
}

// Disconnected implements httpserver.ResponseWriter.
func (w *Recorder) Disconnected() bool { return w.limited && len(w.Content) >= w.limit }

// End does what an engine does when Serve has returned: it aborts a response without head or with less
// content than declared.
func (w *Recorder) End() {
	if w.Head == nil || !w.Head.NoContent && int64(len(w.Content)) < w.Head.ContentLength {
		w.Aborted = true
	}
}

func (w *Recorder) take(p []byte) error {
	w.must(w.Head != nil, "content came before WriteHead")
	w.must(!w.Aborted, "content came after Abort")
	if w.Head != nil {
		w.must(!w.Head.NoContent, "content came for a response without content")
		w.must(w.Head.ContentLength < 0 || int64(len(w.Content)+len(p)) <= w.Head.ContentLength, "more content came than the declared %d bytes", w.Head.ContentLength)
	}
	if room := w.limit - len(w.Content); w.limited && len(p) > room {
		w.Content = append(w.Content, p[:room]...)
		return httpserver.ErrDisconnected
	}
	w.Content = append(w.Content, p...)
	return nil
}

// enter notes an event and that no other goroutine may come in until the returned function is called.
func (w *Recorder) enter(event string) (leave func()) {
	if !w.inside.CompareAndSwap(false, true) {
		panic("gatewaytest: two goroutines use a ResponseWriter at the same time")
	}
	w.Events = append(w.Events, event)
	return func() { w.inside.Store(false) }
}

func (w *Recorder) must(ok bool, format string, args ...any) {
	if !ok {
		w.Violations = append(w.Violations, fmt.Sprintf(format, args...))
	}
}

// headFaults checks what httpserver.Head promises to the engine.
func headFaults(h *httpserver.Head) (faults []string) {
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if h.Status < 200 || h.Status > 999 {
		add("status %d", h.Status)
	}
	if strings.ContainsFunc(h.Reason, isControl) {
		add("reason %q has a control character", h.Reason)
	}
	if h.ContentLength < -1 || h.Status == 204 && h.ContentLength != -1 {
		add("status %d with Content-Length %d", h.Status, h.ContentLength)
	}
	if !h.NoContent && (h.Status == 204 || h.Status == 304) {
		add("status %d with content", h.Status)
	}
	for _, f := range h.Fields {
		switch strings.ToLower(f.Name) {
		case "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection", "content-length", "":
			add("field %q is not the handler's", f.Name)
		}
		if strings.ContainsFunc(f.Name, func(c rune) bool { return isControl(c) || c > '~' || strings.ContainsRune(" :\"(),/;<=>?@[\\]{}", c) }) {
			add("field name %q is no token", f.Name)
		}
		if strings.ContainsFunc(f.Value, isControl) {
			add("the value %q of %s has a control character", f.Value, f.Name)
		}
	}
	return faults
}

func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }
