package gateway_test

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/gateway/gatewaytest"
	"github.com/pyserve/pyserve/httpserver"
)

func newHandler(t *testing.T, log *gatewaytest.Log, name string) (*gateway.Handler, *fakes) {
	t.Helper()
	return newHandlerOf(t, log, name, applications[name])
}

func newHandlerOf(t *testing.T, log *gatewaytest.Log, name string, run application) (*gateway.Handler, *fakes) {
	t.Helper()
	builder, err := environ.NewBuilder(environ.Config{})
	require.NoError(t, err)
	f := &fakes{t: t, closed: map[string]int{}, seen: map[string][]string{}}
	return gateway.NewHandler(fakeApp{f, name, run}, builder, 1, gateway.Options{Log: log.Logger()}), f
}

func TestAHopByHopNameIsWarnedOfInOneRequestOnly(t *testing.T) {
	log := &gatewaytest.Log{}
	h, _ := newHandler(t, log, "answer")
	for _, headers := range []string{`[["Keep-Alive", "1"]]`, `[["keep-alive", "2"], ["TE", "x"]]`, `[["te", "y"], ["X", "1"]]`} {
		h.Serve(0, &gatewaytest.Recorder{}, gatewaytest.Request("POST", "/", `{"status": "200 OK", "headers": `+headers+`}`))
	}
	require.Len(t, log.Lines(), 2)
	assert.Contains(t, log.Lines()[0], "header=Keep-Alive")
	assert.Contains(t, log.Lines()[1], "header=TE")
}

// faulty is an engine with a fault of its own.
type faulty struct{ gatewaytest.Recorder }

func (*faulty) Write([]byte) error { panic("a fault in the engine") }

func TestCloseIsCalledWhenTheEnginePanics(t *testing.T) {
	h, f := newHandler(t, &gatewaytest.Log{}, "iterable")
	assert.PanicsWithValue(t, "a fault in the engine", func() { h.Serve(0, &faulty{}, gatewaytest.Request("GET", "/")) })
	assert.Equal(t, 1, f.closed["iterable"])

	w := &gatewaytest.Recorder{}
	h.Serve(0, w, gatewaytest.Request("GET", "/"))
	assert.Equal(t, "onetwothree", string(w.Content), "the thread serves the next request")
}

func TestNothingOfARequestReachesTheNextOneOfItsThread(t *testing.T) {
	h, _ := newHandler(t, &gatewaytest.Log{}, "answer")
	first, second := &gatewaytest.Recorder{}, &gatewaytest.Recorder{}
	h.Serve(0, first, gatewaytest.Request("HEAD", "/", `{"status": "304 Old", "headers": [["Content-Length", "9"], ["Connection", "close"], ["X-Old", "1"], ["X-More", "2"]]}`))
	h.Serve(0, second, gatewaytest.Request("POST", "/", `{"status": "200 New", "headers": [["X-New", "1"]]}`))
	assert.Equal(t, &httpserver.Head{Status: 200, Reason: "New", Fields: []httpserver.HeaderField{{Name: "X-New", Value: "1"}}, ContentLength: 2}, second.Head)
	assert.Equal(t, "X-Old", first.Head.Fields[0].Name)
}

func TestTheContentOfARequestIsLetGo(t *testing.T) {
	var kept *gateway.Exchange
	app := appFunc(func(x *gateway.Exchange) (gateway.Result, error) {
		kept = x
		return gateway.Result{}, exception("RuntimeError: read nothing")
	})
	serve(t, app, environ.Config{}, gateway.Options{}, gatewaytest.Request("POST", "/", "unread"))
	_, err := kept.Input.Read(make([]byte, 1))
	assert.Equal(t, io.EOF, err)
}

func TestFilesAreClosedInEveryCase(t *testing.T) {
	for name, r := range map[string]*httpserver.Request{
		"sent":          gatewaytest.Request("GET", "/"),
		"HEAD":          gatewaytest.Request("HEAD", "/"),
		"304":           gatewaytest.Request("GET", "/?status=304"),
		"nothing left":  gatewaytest.Request("GET", "/?offset=10"),
		"bad status":    gatewaytest.Request("GET", "/?status=x"),
		"none declared": gatewaytest.Request("GET", "/?length=0"),
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakes{t: t, closed: map[string]int{}, seen: map[string][]string{}}
			var opened *os.File
			app := appFunc(func(x *gateway.Exchange) (gateway.Result, error) {
				res, err := file(&call{x, f, "file"})
				if err == nil {
					opened = res.File.F
				}
				return res, err
			})
			serve(t, app, environ.Config{}, gateway.Options{}, r)
			if opened != nil {
				assert.ErrorIs(t, opened.Close(), os.ErrClosed)
			}
		})
	}
}
