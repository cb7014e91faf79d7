package gatewaytest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
)

// Subject is what the behaviours are run against.
type Subject struct {
	// Load returns the application of a behaviour by its name, or the one named [Counters]. It is called
	// once for each name.
	Load func(t *testing.T, name string) gateway.App
	// Threads is the number of threads that OnThread uses; 0 is 1.
	Threads int
	// OnThread calls f on one of them and waits for it; nil is a call as thread 0 on the spot.
	OnThread func(t *testing.T, f func(thread int))
	// Python says that the applications are written in Python: behaviours about Python's types are run.
	Python bool
	// Errors is where wsgi.errors goes. Needed with Python.
	Errors *Log
}

// Counters is the name of the application that answers every request with the JSON object
//
//	{"closed": {NAME: how often close() was called}, "seen": {NAME: ["what the application noted", …]}}
//
// for all applications together, since the process began.
const Counters = "counters"

type counters struct {
	Closed map[string]int      `json:"closed"`
	Seen   map[string][]string `json:"seen"`
}

// Run runs every behaviour of the list against s, one after the other, each in a subtest.
func Run(t *testing.T, s Subject) {
	s.Threads = max(s.Threads, 1)
	if s.OnThread == nil {
		s.OnThread = func(_ *testing.T, f func(int)) { f(0) }
	}
	load, apps := s.Load, map[string]gateway.App{}
	s.Load = func(t *testing.T, name string) gateway.App {
		if apps[name] == nil {
			apps[name] = load(t, name)
		}
		return apps[name]
	}
	for _, b := range Behaviours() {
		t.Run(b.Name, func(t *testing.T) {
			if b.Python && !s.Python {
				t.Skip("a behaviour of Python objects")
			}
			s.run(t, b)
		})
	}
}

func (s Subject) run(t *testing.T, b Behaviour) {
	before := s.counters(t)
	var log Log
	w, r := &Recorder{}, b.Request()
	if b.Gone {
		w.DisconnectAfter(b.GoneAfter)
	}
	s.serve(t, b.App, &log, w, r)
	if b.Twice {
		w, r = &Recorder{}, b.Request()
		s.serve(t, b.App, &log, w, r)
	}
	after := s.counters(t)

	assert.Empty(t, w.Violations, "breaches of httpserver.ResponseWriter; calls: %q", w.Events)
	b.Want.checkResponse(t, w)
	assert.Equal(t, b.Want.Closed, after.Closed[b.App]-before.Closed[b.App], "calls of close()")
	seen := after.Seen[b.App][len(before.Seen[b.App]):]
	assert.Equal(t, append([]string{}, b.Want.Seen...), append([]string{}, seen...), "what the application saw")
	checkLines(t, "the log", b.Want.Log, log.Lines())
	for _, line := range log.Lines() {
		assert.Contains(t, line, " id="+r.ID+" method=", "every line of the log names the request")
	}
	if s.Errors != nil {
		checkLines(t, "wsgi.errors", b.Want.Errors, s.Errors.About(r.ID))
	}
}

func (s Subject) serve(t *testing.T, name string, log *Log, w *Recorder, r *httpserver.Request) {
	t.Helper()
	builder, err := environ.NewBuilder(environ.Config{})
	require.NoError(t, err)
	h := gateway.NewHandler(s.Load(t, name), builder, s.Threads, gateway.Options{Log: log.Logger()})
	s.OnThread(t, func(thread int) { h.Serve(thread, w, r) })
	w.End()
}

// counters asks the application, which also shows that the server still answers.
func (s Subject) counters(t *testing.T) (c counters) {
	t.Helper()
	var log Log
	w := &Recorder{}
	s.serve(t, Counters, &log, w, Request("GET", "/"))
	require.Empty(t, log.Lines())
	require.NoError(t, json.Unmarshal(w.Content, &c), "%q", w.Content)
	return c
}

func (want Want) checkResponse(t *testing.T, w *Recorder) {
	t.Helper()
	assert.Equal(t, want.Aborted, w.Aborted, "aborted")
	if want.NoHead {
		assert.Nil(t, w.Head)
		return
	}
	require.NotNil(t, w.Head)
	assert.Equal(t, want.Status, w.Head.Status, "status")
	assert.Equal(t, want.Reason, w.Head.Reason, "reason")
	fields := []string{}
	for _, f := range w.Head.Fields {
		fields = append(fields, f.Name+": "+f.Value)
	}
	assert.Equal(t, append([]string{}, want.Fields...), fields, "fields")
	assert.Equal(t, want.Length, w.Head.ContentLength, "Content-Length")
	assert.Equal(t, want.Close, w.Head.Close, "Connection: close")
	assert.Equal(t, want.Content, string(w.Content), "content")
	assert.Equal(t, want.File, w.File, "sent as a file")
}

// checkLines compares line by line: each has to contain the text wanted in its place.
func checkLines(t *testing.T, what string, wanted, lines []string) {
	t.Helper()
	if assert.Len(t, lines, len(wanted), "lines of %s", what) {
		for i, line := range lines {
			assert.Contains(t, line, wanted[i], what)
		}
	}
}
