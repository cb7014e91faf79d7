package http1

import (
	"net/http"
	"strconv"
)

// Error says why what the client sent is refused. Nothing more can be read from the connection: it is to
// be answered with Status and closed.
type Error struct {
	// Status is the status code of the answer: 400, 408, 413, 414, 417, 431, 501 or 505.
	Status int
	// Reason is a phrase for the log. It holds none of the client's bytes.
	Reason string
}

// Error returns the status and the reason.
func (e *Error) Error() string { return strconv.Itoa(e.Status) + ": " + e.Reason }

func badRequest(reason string) *Error { return &Error{http.StatusBadRequest, reason} }

// The errors of the request line (RFC 9112, section 3).
var (
	errTLS            = badRequest("a TLS handshake on a plain port")
	errEmptyLines     = badRequest("more than one empty line before the request line")
	errSpaceFirst     = badRequest("white space before the method")
	errMethod         = badRequest("the method is not a token")
	errMethodLong     = badRequest("the method is longer than 64 bytes")
	errNoTarget       = badRequest("the request line has no target")
	errSpaces         = badRequest("more than one space after the method")
	errTargetSpace    = badRequest("a space in the target or after the version")
	errTargetControl  = badRequest("a control character in the target")
	errFragment       = badRequest("a fragment in the target")
	errNoVersion      = badRequest("the request line has no version (HTTP/0.9)")
	errVersionSyntax  = badRequest("the version is not HTTP/digit.digit")
	errOrigin         = badRequest("the target is neither a path nor an absolute URI")
	errAsterisk       = badRequest("the target * with another method than OPTIONS")
	errScheme         = badRequest("the target is a URI of another scheme than http and https")
	errAuthority      = badRequest("the target's authority is not host[:port]")
	errUserinfo       = badRequest("user information in the target")
	errConnectTarget  = badRequest("the target of CONNECT is not host:port")
	errConnect        = &Error{http.StatusNotImplemented, "CONNECT: this server makes no tunnels"}
	errTargetLong     = &Error{http.StatusRequestURITooLong, "the target is too long"}
	errVersion        = &Error{http.StatusHTTPVersionNotSupported, "the version is not HTTP/1.0 or HTTP/1.1"}
	errHTTP2OnPlain   = &Error{http.StatusHTTPVersionNotSupported, "an HTTP/2 preface on a plain port"}
	errHeadLarge      = &Error{http.StatusRequestHeaderFieldsTooLarge, "the head is too large"}
	errFieldsMany     = &Error{http.StatusRequestHeaderFieldsTooLarge, "too many header fields"}
	errTrailersLarge  = &Error{http.StatusRequestHeaderFieldsTooLarge, "the trailer section is too large"}
	errTrailersMany   = &Error{http.StatusRequestHeaderFieldsTooLarge, "too many trailer fields"}
	errUnknownExpect  = &Error{http.StatusExpectationFailed, "an expectation other than 100-continue"}
	errUnknownCoding  = &Error{http.StatusNotImplemented, "an unknown transfer coding"}
	errBareCR         = badRequest("a bare CR")
	errBareLF         = badRequest("a bare LF")
	errLeadingSpace   = badRequest("white space before the first header field")
	errFold           = badRequest("a folded header field (obs-fold)")
	errEmptyName      = badRequest("an empty field name")
	errSpaceColon     = badRequest("white space in or after a field name")
	errNoColon        = badRequest("a header line without a colon")
	errName           = badRequest("a field name that is not a token")
	errValue          = badRequest("a control character in a field value")
	errHostMissing    = badRequest("an HTTP/1.1 request without Host")
	errRepeated       = badRequest("a field that may stand once stands twice")
	errTrailer        = badRequest("a field that must not be a trailer")
	errHostTwice      = badRequest("more than one Host")
	errHost           = badRequest("the Host is not host[:port]")
	errLengthTwice    = badRequest("more than one Content-Length")
	errLength         = badRequest("the Content-Length is not a decimal number")
	errLengthRange    = badRequest("the Content-Length is out of range")
	errLengthChunked  = badRequest("both Content-Length and Transfer-Encoding")
	errCodingTwice    = badRequest("more than one Transfer-Encoding")
	errCoding         = badRequest("a Transfer-Encoding that is not chunked, once and last")
	errCoding10       = badRequest("Transfer-Encoding in HTTP/1.0")
	errChunkSize      = badRequest("the chunk size is not a hexadecimal number")
	errChunkRange     = badRequest("the chunk size is out of range")
	errChunkExtension = badRequest("a control character in a chunk extension")
	errExtensionLong  = badRequest("the chunk extensions are too long")
	errChunkEnd       = badRequest("no CRLF after the chunk's content")
)
