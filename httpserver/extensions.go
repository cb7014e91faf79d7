package httpserver

import (
	"errors"
	"os"
)

// Early says what answers a request before it is queued for a thread: what needs no Python, such as a health check. It
// returns nil for those that the handler is to answer. It, and the function that it returns, run on whoever reads the
// request: they must not block, and find the request without its content. A request whose content has not come ends its
// connection.
type Early func(r *Request) (answer func(w ResponseWriter))

// What the extensions of a [ResponseWriter] return when they cannot do what they are for.
var (
	// ErrNoInterim means that Interim was called with a status that is not an interim one, or after WriteHead.
	ErrNoInterim = errors.New("an interim response has a status from 100 to 199 but 101, and comes before WriteHead")
	// ErrNoHijack means that the connection cannot be taken over: it is not a plain HTTP/1 one, content is still to be read,
	// or the response has begun.
	ErrNoHijack = errors.New("the connection cannot be taken over")
)

// Interimer is implemented by a [ResponseWriter] that can send interim responses (RFC 9110, section 15.2).
type Interimer interface {
	// Interim sends one, such as 103 (Early Hints, RFC 8297), before the response itself. It does nothing for a client that does
	// not know of them (HTTP/1.0). Its fields are checked as those of a Head are.
	Interim(status int, fields []HeaderField) error
}

// Hijacker is implemented by a [ResponseWriter] whose connection can be taken over, as WebSocket does.
type Hijacker interface {
	// Hijack takes the connection out of the engine, instead of WriteHead: the socket is the caller's, to read, write and
	// close, and received is what has been read from it behind the request. It is non-blocking. No time-out ends the request
	// from then on; Abort ends the connection.
	Hijack() (socket *os.File, received []byte, err error)
}

// Unwrapper is implemented by a [ResponseWriter] that passes calls on to another one. An extension that it has to know of
// it implements itself.
type Unwrapper interface {
	Unwrap() ResponseWriter
}

// Extension finds an extension of w, such as [Interimer], in w or in what it wraps.
func Extension[T any](w ResponseWriter) (extension T, ok bool) {
	for {
		if extension, ok = w.(T); ok {
			return extension, true
		}
		wrapper, wraps := w.(Unwrapper)
		if !wraps {
			return extension, false
		}
		w = wrapper.Unwrap()
	}
}

// IsInterim reports whether Interim may be called with a status: 101 (Switching Protocols) ends the request.
func IsInterim(status int) bool { return status >= 100 && status <= 199 && status != 101 }
