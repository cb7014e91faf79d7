// Package http1 reads HTTP/1.0 and HTTP/1.1 requests (RFC 9112) out of a connection's buffer: [Parser]
// the head, [ChunkedDecoder] the chunked content. Both take bytes as they arrive, in any cut, look at each
// of them once, and allocate nothing. The package does no I/O, keeps no time, holds no buffer, and writes
// no response: that is the engine's.
//
// It is strict. Whatever another server could read in another way is an [*Error], after which the
// connection must be closed, because where the next request begins is not known any more. The first fault
// in the order of the bytes is the one reported, so that it does not depend on how reads were cut. The
// corpus in testdata/requests shows every rule. Where the RFC leaves a choice, it is made here:
//
//   - A higher minor version (HTTP/1.2) is processed as 1.1, as RFC 9110, section 2.5 asks. Another major
//     version is 505; what is not HTTP-version at all ("http/1.1", "HTTP/1.10") is 400.
//   - One CRLF before the request line is skipped (RFC 9112, section 2.2), two are not; a line ends with
//     CRLF, never with a bare LF.
//   - The target may hold bytes from 0x80, bad percent escapes, and the ASCII that RFC 3986 leaves out
//     (such as "|"): clients send them, they have one reading, and they reach the application as bytes.
//     A space, a control or "#" is 400.
//   - CONNECT is 501 when well-formed: RFC 9110, section 9.3.6 leaves tunnels to proxies.
//   - An absolute-form target is http or https without user information; its authority replaces the Host
//     field (RFC 9112, section 3.2.2), which must be sent and be valid all the same.
//   - An empty Host is accepted: it is what RFC 9112, section 3.2 has clients send when the target has no
//     authority, and the server's own name then stands in. A host may not contain percent escapes, since
//     some decode them and some do not; the port is at most 65535.
//   - Content-Length stands once and is only digits; a list of equal numbers is refused too.
//   - Transfer-Encoding is "chunked" once, nothing else; in HTTP/1.0 it is 400 (RFC 9112, section 6.1).
//     A list that names an unknown coding, with chunked last or missing, is 501.
//   - Expect knows 100-continue; HTTP/1.0 has no Expect, and it is ignored there (RFC 9110, section 10.1.1).
//   - Between a chunk's size and its extensions there is no white space. Extensions are not interpreted,
//     so their inner grammar is not checked either, only their bytes and their length.
//   - Content-Type, Authorization, Range and the other fields in repeats.go have one value, so they stand
//     once, even if both are equal. Other repeated fields are left to the application.
//   - Trailer fields are checked as header fields are, and discarded. Those that RFC 9110, section 6.5.1
//     keeps out of trailers (framing, routing, conditions, credentials, the content's type) are refused.
package http1
