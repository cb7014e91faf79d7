package httpserver

import (
	"crypto/tls"
	"io"
	"net/netip"
	"time"

	"github.com/pyserve/pyserve/httpserver/http1"
)

// Field is one header field line as it was received: the name in the client's spelling (where the
// engine still knows it), the value without surrounding white space. Both are raw bytes, not UTF-8.
type Field = http1.Field

// Request is one HTTP request whose head has been read (RFC 9112, section 3).
//
// An engine may reuse a Request and the memory its slices point into for the next request on the same
// connection: a [Handler] must not keep either after Serve has returned.
type Request struct {
	// ID names the request in every log line. It holds only visible ASCII.
	ID string
	// Method is the method as sent, case included.
	Method []byte
	// Target is the request-target exactly as it stood in the request line.
	Target []byte
	// Proto is "HTTP/1.0", "HTTP/1.1" or "HTTP/2.0".
	Proto string
	// Host is the authority the request is for: that of an absolute-form target, else the Host
	// field's value. Empty when neither was sent.
	Host []byte
	// Fields are the header fields in the order they came. Transfer-Encoding is left out: the engine
	// has undone it. Host and Content-Length are kept as they were sent.
	Fields []Field
	// Extra is what the Go program around the engine says about the request, by [Options.Extra].
	Extra []HeaderField
	// Scheme is "http" or "https", as seen by the listener.
	Scheme string
	// TLS says what the connection is encrypted by; nil if it is not.
	TLS *tls.ConnectionState
	// Remote and Local are the two ends of the connection, unmapped (no ::ffff:0:0/96). Both are the
	// zero AddrPort on a unix socket.
	Remote, Local netip.AddrPort
	// Body is the content, without transfer coding. It is nil when the request has none. It also is an
	// io.Seeker when the content was spooled. A read that fails with an error other than io.EOF means
	// that the client broke off or sent what is not HTTP. It may be a [Stopper].
	Body io.Reader
	// ContentLength is the number of bytes in Body, or -1 when it is not known because the content is
	// chunked and not spooled.
	ContentLength int64
	// Arrived is when the head had been read.
	Arrived time.Time
	// Queued is how long the request waited for a thread. The engine sets it before Serve.
	Queued time.Duration
}

// Stopper is implemented by a [Request.Body] whose Read may wait for the client.
type Stopper interface {
	// Stop has a Read that waits on another goroutine fail, and every later one. The content that is left is lost: the
	// connection closes after the response. It never blocks.
	Stop()
}
