package gatewaytest

import (
	"errors"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing/iotest"
	"time"

	"github.com/pyserve/pyserve/httpserver"
)

// ErrBrokenOff is how the content of a [BrokenOff] request ends.
var ErrBrokenOff = errors.New("connection reset by peer")

var requests atomic.Int64

// Request returns an HTTP/1.1 request with an id of its own, and with the parts of content, spooled: of
// known length, and seekable. Without parts it has no content.
func Request(method, target string, content ...string) *httpserver.Request {
	r := &httpserver.Request{
		ID:      "request-" + strconv.FormatInt(requests.Add(1), 10),
		Method:  []byte(method),
		Target:  []byte(target),
		Proto:   "HTTP/1.1",
		Host:    []byte("example.org"),
		Fields:  []httpserver.Field{{Name: []byte("Host"), Value: []byte("example.org")}},
		Scheme:  "http",
		Remote:  netip.MustParseAddrPort("192.0.2.1:40000"),
		Local:   netip.MustParseAddrPort("192.0.2.2:80"),
		Arrived: time.Now(),
	}
	if whole := strings.Join(content, ""); whole != "" {
		r.Body, r.ContentLength = strings.NewReader(whole), int64(len(whole))
	}
	return r
}

// Streamed returns a request of known length whose content is not spooled: it comes in these parts and
// cannot seek.
func Streamed(method, target string, parts ...string) *httpserver.Request {
	r := Request(method, target)
	r.Body, r.ContentLength = stream(parts, io.EOF), int64(len(strings.Join(parts, "")))
	return r
}

// Chunked returns a streamed request that does not give its length.
func Chunked(method, target string, parts ...string) *httpserver.Request {
	r := Streamed(method, target, parts...)
	r.ContentLength = -1
	return r
}

// BrokenOff returns a streamed request that announces length bytes (-1: none, as chunked content) and ends
// in [ErrBrokenOff] after these parts.
func BrokenOff(method, target string, length int64, parts ...string) *httpserver.Request {
	r := Request(method, target)
	r.Body, r.ContentLength = stream(parts, ErrBrokenOff), length
	return r
}

// stream hides what strings.Reader can do besides Read.
func stream(parts []string, end error) io.Reader {
	readers := make([]io.Reader, 0, len(parts)+1)
	for _, part := range parts {
		readers = append(readers, strings.NewReader(part))
	}
	return struct{ io.Reader }{io.MultiReader(append(readers, iotest.ErrReader(end))...)}
}
