package nethttp

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/http1"
)

// refuse answers with that status in place of the handler.
func (x *exchange) refuse(status int) {
	x.e.counters.Own(status)
	answer := httpserver.OwnAnswer(status)
	if err := answer.Send(&x.res, string(x.req.Method)); err != nil {
		x.e.o.Log.Debug("a refusal did not reach the client", "id", x.req.ID, "status", status, "error", err)
	}
	x.res.finish()
}

// failed ends a request whose handler panicked.
func (x *exchange) failed(p *httpserver.TaskPanic) {
	x.res.dropFile()
	if p.Value == http.ErrAbortHandler {
		x.res.Abort()
		x.res.finish()
		return
	}
	x.e.o.Log.Error("panic while answering a request", "id", x.req.ID, "method", string(x.req.Method),
		"target", string(x.req.Target), "panic", p.Value, "stack", string(p.Stack))
	if !x.res.reset() {
		x.res.Abort()
		x.res.finish()
		return
	}
	x.refuse(http.StatusInternalServerError)
}

// checkExpectation refuses what is no 100-continue (RFC 9110, section 10.1.1). net/http's own check lets
// lists pass, and does not run in front of a foreign server's handler.
func checkExpectation(hr *http.Request) error {
	if !hr.ProtoAtLeast(1, 1) {
		return nil
	}
	for _, value := range hr.Header["Expect"] {
		for member := range strings.SplitSeq(value, ",") {
			if member = strings.TrimSpace(member); member != "" && !strings.EqualFold(member, "100-continue") {
				return errExpectation
			}
		}
	}
	return nil
}

// checkRepeats refuses a second field with one value, as http1 does.
func checkRepeats(header http.Header) error {
	for name, values := range header {
		if len(values) > 1 && http1.Singleton(name) {
			return errRepeated
		}
	}
	return nil
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
		log.Info("refused with 417: unknown expectation", "expect", x.hr.Header["Expect"])
		x.refuse(http.StatusExpectationFailed)
	case errors.Is(err, errTooLarge):
		x.e.counters.TooLarge.Add(1)
		log.Info("refused with 413: the content is too large", "limit", x.e.o.MaxBody, "declared", x.body.declared)
		x.refuse(http.StatusRequestEntityTooLarge)
	case errors.Is(err, errTooSlow):
		log.Info("refused with 408: the content of a request came too slowly")
		x.refuse(http.StatusRequestTimeout)
	case errors.Is(err, httpserver.ErrSpool):
		httpserver.CountNoRoom(x.e.counters, err)
		x.e.spools.Request(x.e.o.Log, x.e.o.SpoolDir, err)
		x.refuse(http.StatusServiceUnavailable)
	case brokenOff(x.hr, err):
		log.Debug("the client broke off in the middle of a request", "error", err)
		x.res.vanish(http.StatusBadRequest)
	default:
		x.e.counters.Malformed.Add(1)
		log.Info("refused with 400: malformed content", "error", err)
		x.refuse(http.StatusBadRequest)
	}
}

// linger reads what the client still sends after an answer that is complete already.
func (b *body) linger(res *response) {
	if b.ended.Load() || !res.complete() {
		return
	}
	discard := make([]byte, 16<<10)
	for end := time.Now().Add(b.e.limits.Linger); ; {
		next := time.Now().Add(b.e.limits.LingerIdle())
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
