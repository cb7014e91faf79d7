package httpserver

import (
	"errors"
	"os"
)

// ErrDisconnected is what writing returns once the client is gone.
var ErrDisconnected = errors.New("the client closed the connection")

// What a handler gets that does not keep to the contract of [ResponseWriter].
var (
	// ErrHeadTwice means that WriteHead was called a second time.
	ErrHeadTwice = errors.New("WriteHead was called a second time")
	// ErrNoHead means that content was sent before WriteHead.
	ErrNoHead = errors.New("content was sent before WriteHead")
	// ErrNoMore means that content was sent after SendFile, or for a response that has none.
	ErrNoMore = errors.New("content was sent after SendFile or for a response that has none")
	// ErrTooMuch means that more content was sent than Head.ContentLength announced.
	ErrTooMuch = errors.New("more content was sent than Head.ContentLength announced")
	// ErrBadSection means that SendFile was asked for less than nothing.
	ErrBadSection = errors.New("SendFile needs an offset and a length that are not negative")
)

// HeaderField is one response header field; both strings hold raw bytes (Latin-1 text), and the name is
// sent in the spelling given.
type HeaderField struct {
	Name, Value string
}

// Head is the status line and header section of a response. The handler has checked it: a three-digit
// status from 200 to 999, token names, values without control characters, no hop-by-hop fields and at
// most one Content-Length, which then stands in ContentLength and not in Fields.
type Head struct {
	Status int
	// Reason is the reason phrase. An engine that cannot send one of its own uses the standard one.
	Reason string
	Fields []HeaderField
	// ContentLength is the number of content bytes that will follow, or -1 when it is not known: the
	// engine then uses chunked coding or closes the connection after the content. For a response
	// without content (to HEAD, 204, 304) it is the value for the Content-Length field, -1 for none.
	ContentLength int64
	// NoContent says that no content follows, whatever ContentLength says (HEAD, 204, 304).
	NoContent bool
	// Close asks for the connection to be closed after this response.
	Close bool
}

// ResponseWriter sends one response. Its methods are called by one goroutine at a time; none of them
// keeps its arguments. ErrHeadTwice, ErrNoHead, ErrNoMore, ErrTooMuch and ErrBadSection are what misuse gets.
//
// The engine adds Date and Server when Head.Fields has none. It also adds whatever RFC 9112 asks of the
// connection: Connection, Transfer-Encoding.
type ResponseWriter interface {
	// WriteHead announces the response. Nothing needs to reach the client before the first content or
	// the end of the request. It must be called exactly once, before Write and SendFile.
	WriteHead(h *Head) error
	// Write sends content and returns once the engine, which may keep it in memory or in a temporary file, or the kernel
	// has it. It blocks while more is kept than Limits.ResponseBuffer; it returns [ErrDisconnected] when the client is
	// gone.
	Write(p []byte) error
	// SendFile makes n bytes of f from offset on the rest of the response. It takes ownership of f at
	// once, also when it fails. The bytes are sent after the handler has returned, without a Python thread.
	SendFile(f *os.File, offset, n int64) error
	// Abort ends the connection without completing the response, so that the client sees that it is
	// cut short. The engine does so by itself for content shorter than Head.ContentLength.
	Abort()
	// Disconnected reports whether the client is known to have closed the connection. It never blocks.
	Disconnected() bool
}

// Idler is implemented by a [ResponseWriter] that wants to know that the handler gets on though it has nothing to send.
type Idler interface {
	// Idle says so. It can be called instead of Write, at any time, and fails as Write does.
	Idle() error
}

// Handler answers requests. Serve runs on the locked OS thread of Python thread number thread
// (0 ≤ thread < the number of threads); the response is complete when it returns without having called
// Abort. A Serve that returns without WriteHead has aborted.
type Handler interface {
	Serve(thread int, w ResponseWriter, r *Request)
}
