// Package nethttp is the engine on net/http: the server, a handler for the server of a Go program, and the queue that hands
// requests to the threads. It works on every system; package reactor is the other engine.
package nethttp
