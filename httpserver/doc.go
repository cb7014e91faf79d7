// Package httpserver is the contract between engines, which speak HTTP with clients, and handlers; and what all engines
// share: listeners, limits, spooling, the server's own answers, request ids, the access log. The engines are packages reactor
// and nethttp.
//
// It knows nothing of WSGI and nothing of Python: a request is raw bytes in the order they came, a
// response is a [Head] followed by content, and whoever answers is a [Handler].
package httpserver
