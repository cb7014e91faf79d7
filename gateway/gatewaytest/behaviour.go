package gatewaytest

import (
	"slices"

	"github.com/pyserve/pyserve/httpserver"
)

// Behaviour is one rule of PEP 3333, or of what a server owes an application beyond it.
type Behaviour struct {
	// Name is the rule as a sentence.
	Name string
	// App is the name of the application that shows it.
	App string
	// Request makes the request.
	Request func() *httpserver.Request
	// Twice says that the request is made two times; Want is about the second.
	Twice bool
	// Gone says that the client leaves once it has GoneAfter bytes of content.
	Gone      bool
	GoneAfter int
	// Python marks what can only be shown with Python's own objects.
	Python bool
	// Want is what comes of it.
	Want Want
}

// Want is what the client, the application and the log see.
type Want struct {
	// Status and Reason are the status line's.
	Status int
	Reason string
	// Fields are all the fields handed to the engine, in order, each "Name: value", raw bytes.
	Fields []string
	// Length is the Content-Length, [Unknown] for none.
	Length int64
	// Close says that the response asks for the connection to be closed.
	Close bool
	// Content is all the content that was sent.
	Content string
	// File says that the engine got a file to send.
	File bool
	// Aborted says that the connection was broken off. NoHead says that nothing was sent before.
	Aborted, NoHead bool
	// Closed is how often close() was called.
	Closed int
	// Seen are the notes of the application.
	Seen []string
	// Log are parts of the log's lines, one of each line, from warnings upwards: all there are.
	Log []string
	// Errors are the same for the lines of wsgi.errors (Python only).
	Errors []string
}

// Unknown is the Length of a response without Content-Length.
const Unknown = -1

// Behaviours returns the list.
func Behaviours() []Behaviour {
	return slices.Concat(bodies(), declaredLengths(), withoutContent(), startResponse(), statuses(), headers(),
		types(), failures(), departures(), files(), inputs(), afterwards())
}

// get is the request of most behaviours.
func get() *httpserver.Request { return Request("GET", "/") }

func head() *httpserver.Request { return Request("HEAD", "/") }

// query returns the maker of a GET request with a query.
func query(q string) func() *httpserver.Request {
	return func() *httpserver.Request { return Request("GET", "/?"+q) }
}

// textPlain is the field that every application here sends unless its behaviour is about fields.
const textPlain = "Content-Type: text/plain"

// ok is a 200 with textPlain.
func ok(length int64, content string) Want {
	return Want{Status: 200, Reason: "OK", Fields: []string{textPlain}, Length: length, Content: content}
}

// failed is the server's own answer to a failure of the application that a line of the log describes.
func failed(log ...string) Want {
	const content = "Internal Server Error\n"
	return Want{
		Status: 500, Reason: "Internal Server Error", Fields: []string{"Content-Type: text/plain; charset=utf-8"},
		Length: int64(len(content)), Content: content, Log: log,
	}
}

// The methods below return w with one thing more.

func (w Want) closed(n int) Want            { w.Closed = n; return w }
func (w Want) seen(notes ...string) Want    { w.Seen = notes; return w }
func (w Want) logged(lines ...string) Want  { w.Log = lines; return w }
func (w Want) aborted(lines ...string) Want { w.Aborted, w.Log = true, lines; return w }
func (w Want) file() Want                   { w.File = true; return w }
