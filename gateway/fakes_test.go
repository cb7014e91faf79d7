package gateway_test

import (
	"encoding/json"
	"errors"
	"io"
	"iter"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/gateway/gatewaytest"
	"github.com/pyserve/pyserve/httpserver"
)

// This file holds what the Go applications of the behaviours are made of.

// fakes is what all of them share: the counts.
type fakes struct {
	t      *testing.T
	closed map[string]int
	seen   map[string][]string
}

// application is the body of a WSGI application.
type application func(c *call) (gateway.Result, error)

var applications = map[string]application{}

func register(more map[string]application) bool {
	maps.Copy(applications, more)
	return true
}

// fakeApp implements gateway.App.
type fakeApp struct {
	fakes *fakes
	name  string
	run   application
}

func (a fakeApp) Call(_ int, x *gateway.Exchange) (gateway.Result, error) {
	return a.run(&call{x, a.fakes, a.name})
}

// call is one call of an application.
type call struct {
	x     *gateway.Exchange
	fakes *fakes
	name  string
}

func (c *call) note(text string) { c.fakes.seen[c.name] = append(c.fakes.seen[c.name], text) }

func (c *call) query() string {
	query, _ := c.x.Environ.Get("QUERY_STRING")
	return string(query)
}

// start calls start_response with a text/plain head and more fields, each "Name: value".
func (c *call) start(more ...string) error {
	return c.respond("200 OK", false, append([]string{"Content-Type: text/plain"}, more...)...)
}

func (c *call) respond(status string, excInfo bool, fields ...string) error {
	var list []httpserver.HeaderField
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		list = append(list, httpserver.HeaderField{Name: name, Value: value})
	}
	return c.x.StartResponse(status, list, excInfo)
}

// again does what `except KeyError: start_response("500 Replaced", …, sys.exc_info())` does.
func (c *call) again(status string, fields ...string) error {
	err := c.respond(status, true, fields...)
	if errors.As(err, &gateway.HeadersSentError{}) {
		return exception("KeyError: 'lost'")
	}
	return err
}

func (c *call) write(data string) error { return c.x.Write([]byte(data)) }

// declare is the field for the length in the query.
func (c *call) declare() string { return "Content-Length: " + c.query() }

// exception is a Python exception: its last line.
type exception string

func (e exception) Error() string { return string(e) }
func (e exception) Traceback() string {
	return "Traceback (most recent call last):\n  …\n" + string(e) + "\n"
}

// className is what type(e).__name__ gives.
func className(err error) string {
	var call *gateway.CallError
	switch {
	case errors.Is(err, httpserver.ErrDisconnected):
		return "ConnectionResetError"
	case errors.As(err, &call):
		return map[gateway.Exception]string{gateway.AssertionError: "AssertionError",
			gateway.ValueError: "ValueError", gateway.OSError: "OSError", gateway.UnsupportedOperation: "UnsupportedOperation"}[call.Exception]
	case errors.As(err, new(exception)):
		name, _, _ := strings.Cut(err.Error(), ":")
		return name
	}
	return "OSError"
}

// list is a list of bytestrings.
func list(chunks ...string) (gateway.Result, error) {
	return gateway.Result{Body: newBody(chunksOf(chunks...), nil), Len: len(chunks)}, nil
}

// counted is an iterable without len() whose close() is counted, and then does what atClose does.
func (c *call) counted(chunks iter.Seq2[string, error], atClose ...func() error) (gateway.Result, error) {
	return gateway.Result{Len: -1, Body: newBody(chunks, func() error {
		c.fakes.closed[c.name]++
		for _, f := range atClose {
			return f()
		}
		return nil
	})}, nil
}

func chunksOf(chunks ...string) iter.Seq2[string, error] { return thenRaise(nil, chunks...) }

// thenRaise yields chunks and ends with err, if there is one.
func thenRaise(err error, chunks ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, chunk := range chunks {
			if !yield(chunk, nil) {
				return
			}
		}
		if err != nil {
			yield("", err)
		}
	}
}

// body implements gateway.Body over a generator.
type body struct {
	next  func() (string, error, bool)
	stop  func()
	close func() error
	buf   []byte
	over  bool
}

func newBody(chunks iter.Seq2[string, error], atClose func() error) *body {
	next, stop := iter.Pull2(chunks)
	return &body{next: next, stop: stop, close: atClose}
}

// Next hands out a buffer that it uses again, as an application's memory may go away.
func (b *body) Next() ([]byte, error) {
	if b.over {
		panic("Next was called after Close")
	}
	clear(b.buf)
	chunk, err, ok := b.next()
	switch {
	case !ok:
		return nil, io.EOF
	case err != nil:
		return nil, err
	}
	b.buf = append(b.buf[:0], chunk...)
	return b.buf, nil
}

func (b *body) Close() error {
	if b.over {
		panic("Close was called twice")
	}
	b.over = true
	b.stop()
	if b.close == nil {
		return nil
	}
	return b.close()
}

var _ = register(map[string]application{
	gatewaytest.Counters: func(c *call) (gateway.Result, error) {
		text, err := json.Marshal(map[string]any{"closed": c.fakes.closed, "seen": c.fakes.seen})
		if err != nil {
			return gateway.Result{}, err
		}
		if err := c.start("Content-Length: " + strconv.Itoa(len(text))); err != nil {
			return gateway.Result{}, err
		}
		return list(string(text))
	},
})

// started is an application that calls start_response first.
func started(then application) application {
	return func(c *call) (gateway.Result, error) {
		if err := c.start(); err != nil {
			return gateway.Result{}, err
		}
		return then(c)
	}
}

// startedWith is one that adds a field.
func startedWith(field func(c *call) string, then application) application {
	return func(c *call) (gateway.Result, error) {
		if err := c.start(field(c)); err != nil {
			return gateway.Result{}, err
		}
		return then(c)
	}
}

func returns(chunks ...string) application {
	return func(*call) (gateway.Result, error) { return list(chunks...) }
}

func raises(text string) application {
	return func(*call) (gateway.Result, error) { return gateway.Result{}, exception(text) }
}

func yields(chunks ...string) application {
	return func(c *call) (gateway.Result, error) { return c.counted(chunksOf(chunks...)) }
}

func yieldsThenRaises(text string, chunks ...string) application {
	return func(c *call) (gateway.Result, error) { return c.counted(thenRaise(exception(text), chunks...)) }
}

// writes calls write with each chunk, then goes on.
func writes(then application, chunks ...string) application {
	return func(c *call) (gateway.Result, error) {
		for _, chunk := range chunks {
			if err := c.write(chunk); err != nil {
				return gateway.Result{}, err
			}
		}
		return then(c)
	}
}
