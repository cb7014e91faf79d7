// Package gateway is the server side of PEP 3333: start_response and write, the framing of the response,
// the iteration over what the application returned, close(), and what the client sees when any of them
// goes wrong.
//
// It knows HTTP only through httpserver's Request and ResponseWriter, and Python not at all: the
// application is an [App], which package pyhost implements for CPython and the tests implement in Go.
package gateway
