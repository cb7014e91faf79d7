package httpserver

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

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

// A client that was refused before it had sent all gets Limits.Linger to send the rest and see the answer, and as soon
// as nothing comes for lingerIdle no more. Closing at once would reset the connection and, with many clients, lose the
// answer (RFC 9112, section 9.6).
const lingerIdle = 5 * time.Second

// netBody is a request's content, as net/http gives it and as the handler gets it.
type netBody struct {
	w        http.ResponseWriter
	hr       *http.Request
	src      io.Reader // net/http's; nil when the request has no content
	declared int64     // its length, -1 for chunked
	e        *netHTTP
	o        *Options                 // e's
	rc       *http.ResponseController // of our own server; nil under a foreign one
	wait     time.Duration            // for how long more may be waited for content; by who reads only
	remote   netip.AddrPort

	reader io.Reader // for the handler
	length int64     // for the handler
	spool  *Spool

	taken atomic.Int64 // bytes read from src: a handler may read on a thread of its own
	ended atomic.Bool  // src was read to its end

	stopped atomic.Bool // see Stopper
}

func (b *netBody) init(w http.ResponseWriter, hr *http.Request, e *netHTTP) {
	b.w, b.e, b.o, b.wait = w, e, &e.o, e.o.Limits.BodyGrace
	ends := endsOf(hr)
	if b.remote = ends.remote; ends.conn != nil {
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
// io.ErrUnexpectedEOF wrapped when the client broke off; anything else is no HTTP.
func (b *netBody) open() error {
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
	b.spool.expect(b.declared)
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
func (b *netBody) Read(p []byte) (int, error) {
	// One byte more than allowed tells content that ends at the limit from content that goes on.
	if room := max(b.o.MaxBody-b.taken.Load(), 0); b.o.MaxBody >= 0 && room < int64(len(p)) {
		p = p[:room+1]
	}
	began := b.hasten()
	n, err := b.src.Read(p)
	taken := b.taken.Add(int64(n))
	b.wait = b.o.Limits.bodyRate().Left(b.wait-time.Since(began), int64(n))
	if err != nil && b.stopped.Load() {
		return n, errStopped
	}
	if tooSlow(err) {
		b.e.stats.BodyTimeouts.Add(1)
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
func (b *netBody) hasten() time.Time {
	now := time.Now()
	if b.rc != nil && b.o.Limits.BodyRate >= 0 {
		_ = b.rc.SetReadDeadline(now.Add(max(b.wait, 0)))
	}
	if b.stopped.Load() {
		b.wake()
	}
	return now
}

// rest takes the deadline away: what is read next is the next request, and net/http sees by it whether the client has
// gone.
func (b *netBody) rest() {
	if b.rc != nil {
		_ = b.rc.SetReadDeadline(time.Time{})
	}
}

// streamedBody is a body that the handler reads from the connection.
type streamedBody struct{ b *netBody }

// Read fails with an error that wraps io.ErrUnexpectedEOF for whatever is not the end, and an *http1.Error if the client is
// to be told.
func (s streamedBody) Read(p []byte) (int, error) {
	n, err := s.b.Read(p)
	var fault *http1.Error
	switch known := errors.As(err, &fault); {
	case err == nil, err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return n, err
	case err == errTooSlow:
		s.b.o.Log.Info("the content of a request is cut off: it came too slowly", "remote", s.b.remote)
	case err == errTooLarge:
		s.b.e.stats.TooLarge.Add(1)
	case !known && err != errStopped && !brokenOff(s.b.hr, err): // net/http's own, and malformed
		err = &http1.Error{Status: http.StatusBadRequest, Reason: err.Error()}
		fallthrough
	case err == errTrailer:
		s.b.e.stats.Malformed.Add(1)
	}
	return n, fmt.Errorf("%w of the request: %w", io.ErrUnexpectedEOF, err)
}

// Stop implements [Stopper].
func (s streamedBody) Stop() {
	s.b.stopped.Store(true)
	s.b.wake()
}

// wake ends the waiting of a Read.
func (b *netBody) wake() { _ = http.NewResponseController(b.w).SetReadDeadline(time.Unix(1, 0)) }

// close gives back the spooled content.
func (b *netBody) close() {
	if b.spool == nil {
		return
	}
	if err := b.spool.Close(); err != nil {
		b.o.Log.Warn("cannot close a request's temporary file", "error", err)
	}
}

// linger reads what the client still sends after an answer that is complete already.
func (b *netBody) linger(res *netResponse) {
	if b.ended.Load() || !res.complete() {
		return
	}
	discard := make([]byte, 16<<10)
	for end := time.Now().Add(b.o.Limits.Linger); ; {
		next := time.Now().Add(lingerIdle)
		if next.After(end) {
			next = end
		}
		if err := res.rc.SetReadDeadline(next); err != nil {
			return
		}
		if _, err := b.src.Read(discard); err != nil {
			return
		}
	}
}

// brokenOff reports whether err means that there is nobody to answer.
func brokenOff(hr *http.Request, err error) bool {
	var network net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) || hr.Context().Err() != nil
}

// refuseBody answers a request whose content was not taken.
func (x *exchange) refuseBody(err error) {
	log := x.e.o.Log.With("id", x.req.ID, "method", string(x.req.Method), "target", string(x.req.Target))
	x.res.closing = true
	switch {
	case errors.Is(err, errExpectation):
		log.Info("refused by 417: unknown expectation", "expect", x.hr.Header["Expect"])
		x.refuse(http.StatusExpectationFailed, "The only expectation the server knows is 100-continue.")
	case errors.Is(err, errTooLarge):
		x.e.stats.TooLarge.Add(1)
		log.Info("refused by 413: the content is too large", "limit", x.e.o.MaxBody, "declared", x.body.declared)
		x.refuse(http.StatusRequestEntityTooLarge, "The request has more content than the server accepts.")
	case errors.Is(err, errTooSlow):
		log.Info("refused by 408: the content of a request came too slowly")
		x.refuse(http.StatusRequestTimeout, "The request's content came too slowly.")
	case errors.Is(err, ErrSpool):
		x.e.stats.NoRoom(err)
		x.e.spools.Request(x.e.o.Log, x.e.o.SpoolDir, err)
		x.refuse(http.StatusServiceUnavailable, "The server cannot keep the request's content.", HeaderField{Name: "Retry-After", Value: "1"})
	case brokenOff(x.hr, err):
		log.Debug("the client broke off in the middle of a request", "error", err)
		x.res.vanish(http.StatusBadRequest)
	default:
		x.e.stats.Malformed.Add(1)
		log.Info("refused by 400: malformed content", "error", err)
		x.refuse(http.StatusBadRequest, "The request's content is malformed.")
	}
}
