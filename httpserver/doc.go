// Package httpserver speaks HTTP: listeners, the engine that reads requests and writes responses, the
// queue that hands requests to the Python threads, spooling, the access log, and draining.
//
// It knows nothing of WSGI and nothing of Python: a request is raw bytes in the order they came, a
// response is a [Head] followed by content, and whoever answers is a [Handler].
package httpserver
