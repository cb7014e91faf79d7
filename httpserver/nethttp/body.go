package nethttp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// Why a request's content was not taken.
var (
	errTooLarge    = &http1.Error{Status: http.StatusRequestEntityTooLarge, Reason: "the content is larger than the limit"}
	errTooSlow     = &http1.Error{Status: http.StatusRequestTimeout, Reason: "it came too slowly"}
	errExpectation = errors.New("unknown expectation")
	errStopped     = errors.New("the response is complete")
	errRepeated    = errors.New("a field that may stand once stands twice")
	errTrailer     = &http1.Error{Status: http.StatusBadRequest, Reason: "a field that must not be a trailer"}
)

// body is a request's content, as net/http gives it and as the handler gets it.
type body struct {
	w        http.ResponseWriter
	hr       *http.Request
	src      io.Reader // net/http's; nil when the request has no content
	declared int64     // its length, -1 for chunked
	e        *engine
	o        *httpserver.Options      // e's
	rc       *http.ResponseController // of our own server; nil under a foreign one
	wait     time.Duration            // for how long more may be waited for content; by who reads only
	remote   netip.AddrPort

	reader io.Reader // for the handler
	length int64     // for the handler
	spool  *httpserver.Spool

	taken atomic.Int64 // bytes read from src: a handler may read on a thread of its own
	ended atomic.Bool  // src was read to its end

	stopped atomic.Bool // see Stopper
}

func (b *body) init(w http.ResponseWriter, hr *http.Request, e *engine) {
	b.w, b.e, b.o, b.wait = w, e, &e.o, e.limits.BodyGrace
	c := connectionOf(hr)
	if b.remote = c.remote; c.conn != nil {
		b.rc = http.NewResponseController(w)
	}
	if hr.Body == nil || hr.Body == http.NoBody {
		b.ended.Store(true)
		return
	}
	b.src, b.declared = hr.Body, hr.ContentLength
	b.hr = hr
	if b.declared == 0 { // how a Go program says that it does not know the length
		b.declared = -1
	}
}

// open takes the content in, or prepares for the handler to do so. Errors: errTooLarge; ErrSpool wrapped;
// io.ErrUnexpectedEOF wrapped when the client broke off; anything else is not HTTP.
func (b *body) open() error {
	switch {
	case b.src == nil:
		return nil
	case b.o.MaxBody >= 0 && b.declared > b.o.MaxBody:
		return errTooLarge
	case b.o.StreamRequests:
		b.reader, b.length = streamedBody{b}, b.declared
		return nil
	}
	b.spool = b.o.NewSpool(b.o.BodyBuffer)
	b.spool.Expect(b.declared)
	if _, err := b.spool.ReadFrom(b); err != nil {
		return err
	}
	b.reader, b.length = b.spool, b.spool.Size()
	return nil
}

// checkTrailers refuses fields that must not be trailers, as http1 does.
func checkTrailers(trailer http.Header) error {
	for name := range trailer {
		if http1.ForbiddenTrailer(name) {
			return errTrailer
		}
	}
	return nil
}

// Read reads from the connection, up to the limit for a request's content.
func (b *body) Read(p []byte) (int, error) {
	// One byte more than allowed distinguishes content that ends at the limit from content that goes on.
	if room := max(b.o.MaxBody-b.taken.Load(), 0); b.o.MaxBody >= 0 && room < int64(len(p)) {
		p = p[:room+1]
	}
	began := b.hasten()
	n, err := b.src.Read(p)
	taken := b.taken.Add(int64(n))
	b.wait = b.e.limits.Body().Left(b.wait-time.Since(began), int64(n))
	if err != nil && b.stopped.Load() {
		return n, errStopped
	}
	if tooSlow(err) {
		b.e.counters.BodyTimeouts.Add(1)
		return n, errTooSlow
	}
	if b.o.MaxBody >= 0 && taken > b.o.MaxBody {
		return 0, errTooLarge
	}
	if err == io.EOF || taken == b.declared {
		b.ended.Store(true)
		b.rest()
	}
	if err == io.EOF {
		if fault := checkTrailers(b.hr.Trailer); fault != nil {
			return n, fault
		}
	}
	return n, err
}

// hasten gives the client as long for more content as --body-rate allows, and returns the time. Under a foreign server that
// is its own to decide.
func (b *body) hasten() time.Time {
	now := time.Now()
	if b.rc != nil && b.e.limits.BodyRate >= 0 {
		_ = b.rc.SetReadDeadline(now.Add(max(b.wait, 0)))
	}
	if b.stopped.Load() {
		b.wake()
	}
	return now
}

// rest takes the deadline away: what is read next is the next request, and net/http sees by it whether the client has
// gone.
func (b *body) rest() {
	if b.rc != nil {
		_ = b.rc.SetReadDeadline(time.Time{})
	}
}

// streamedBody is a body that the handler reads from the connection.
type streamedBody struct{ b *body }

// Read fails with an error that wraps io.ErrUnexpectedEOF for whatever is not the end, and an *http1.Error if the client is
// to get an answer.
func (s streamedBody) Read(p []byte) (int, error) {
	n, err := s.b.Read(p)
	var fault *http1.Error
	switch known := errors.As(err, &fault); {
	case err == nil, err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return n, err
	case err == errTooSlow:
		s.b.o.Log.Info("the content of a request is cut off: it came too slowly", "remote", s.b.remote)
	case err == errTooLarge:
		s.b.e.counters.TooLarge.Add(1)
	case !known && err != errStopped && !brokenOff(s.b.hr, err): // net/http's own, and malformed
		err = &http1.Error{Status: http.StatusBadRequest, Reason: err.Error()}
		fallthrough
	case err == errTrailer:
		s.b.e.counters.Malformed.Add(1)
	}
	return n, fmt.Errorf("%w of the request: %w", io.ErrUnexpectedEOF, err)
}

// Stop implements [httpserver.Stopper].
func (s streamedBody) Stop() {
	s.b.stopped.Store(true)
	s.b.wake()
}

// wake ends the waiting of a Read.
func (b *body) wake() { _ = http.NewResponseController(b.w).SetReadDeadline(time.Unix(1, 0)) }

// close gives back the spooled content.
func (b *body) close() {
	if b.spool == nil {
		return
	}
	if err := b.spool.Close(); err != nil {
		b.o.Log.Warn("cannot close a request's temporary file", "error", err)
	}
}
