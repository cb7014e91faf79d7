package pyhost_test

import (
	"bytes"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/pyhost"
)

// asker calls an application with a target and keeps what it answers and what the gateway logs.
type asker struct {
	handler *gateway.Handler
	log     *bytes.Buffer
}

func newAsker(t *testing.T, spec string) *asker {
	builder, err := environ.NewBuilder(environ.Config{})
	require.NoError(t, err)
	a := &asker{log: &bytes.Buffer{}}
	a.handler = gateway.NewHandler(loadApp(t, spec), builder, threads, gateway.Options{Log: slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	return a
}

func (a *asker) ask(t *testing.T, w httpserver.ResponseWriter, target string) {
	content := strings.NewReader("first line\nsecond\n")
	onThread(t, func(thread int) {
		a.handler.Serve(thread, w, &httpserver.Request{ID: "1", Method: []byte("POST"), Target: []byte(target),
			Proto: "HTTP/1.1", Scheme: "http", Body: content, ContentLength: content.Size()})
	})
}

func (a *asker) content(t *testing.T, target string) string {
	var w sink
	a.ask(t, &w, target)
	return string(w.content)
}

func TestAChildForkedAnywhereInARequestEndsThere(t *testing.T) {
	a := newAsker(t, "seam:forks")
	for place, want := range map[string]string{
		"/call": "0", "/len": "0", "/iter": "0", "/next": "0", "/close": "0", "/del": "0", "/environ": "0", "/plain": "0",
		"/exception": "1",
	} {
		t.Run(place[1:], func(t *testing.T) {
			a.ask(t, &sink{}, place)
			assert.Equal(t, want, a.content(t, "/outcome"), "the exit status of the child")
		})
	}
}

func TestAChildForkedAtImportEndsThere(t *testing.T) {
	loadApp(t, "seam:forks_at_import()")
	assert.Equal(t, "1", newAsker(t, "seam:forks").content(t, "/outcome"), "the exit status of the child")
}

func TestAChildClosesTheServersDescriptorsAndAChildOfThatNone(t *testing.T) {
	f, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer f.Close()
	number := int(f.Fd())
	host.Opened(number)
	defer host.Closed(number)
	assert.Equal(t, "0", newAsker(t, "seam:descriptors").content(t, "/?"+strconv.Itoa(number)))
}

func TestSignalsStayTheServersWhateverTheApplicationDoesAtImport(t *testing.T) {
	loadApp(t, "seam:takes_signals()")
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	defer w.Close()
	_, err = w.Write([]byte("x")) // by the default action of SIGPIPE, this would be the end of the process
	assert.ErrorIs(t, err, syscall.EPIPE)
}

// alone fails when two threads are in it at once.
type alone struct {
	sink
	inside  atomic.Int32
	overlap atomic.Bool
}

func (a *alone) Write(p []byte) error {
	if a.inside.Add(1) > 1 {
		a.overlap.Store(true)
	}
	defer a.inside.Add(-1)
	for range 10 {
		runtime.Gosched() // lets others in, if they can get in
	}
	return a.sink.Write(p)
}

func TestTheResponseIsSentByOneThreadAtATimeAlsoWhenTheApplicationHasThreads(t *testing.T) {
	w := &alone{}
	a := newAsker(t, "seam:writes_from_threads")
	a.ask(t, w, "/")
	assert.False(t, w.overlap.Load())
	assert.Equal(t, 200, bytes.Count(w.content, []byte("y")))
	assert.Empty(t, a.log.String())
}

func TestThreadsThatGoOnWithAnEndedRequestAreRefused(t *testing.T) {
	a := newAsker(t, "seam:hammers_stale_handles")
	var all sync.WaitGroup
	for range threads {
		all.Go(func() {
			for range 50 {
				assert.Equal(t, "one", a.content(t, "/"))
				assert.Equal(t, "onetwo", a.content(t, "/generator"))
			}
		})
	}
	all.Wait()
	assert.Equal(t, "[]", newAsker(t, "seam:stale_faults").content(t, "/"))
}

func TestUnrulyObjectsDoNoHarm(t *testing.T) {
	errors := &bytes.Buffer{}
	defer pyhost.RedirectErrors(slog.New(slog.NewTextHandler(errors, nil)))()
	a := newAsker(t, "seam:unruly")
	for _, test := range []struct{ name, want, log string }{
		{name: "seeks", want: "ValueError ValueError ValueError nothing"},
		{name: "errors_subclass", log: "msg=axb "},
		{name: "keep_errors"},
		{name: "drop_errors", want: "ZeroDivisionError"},
		{name: "headers_empty_themselves", want: "TypeError"},
		{name: "unruly_exception", log: "None.Unruly: its text"},
		{name: "recursion", want: "RecursionError"},
		{name: "asynchronous", log: "KeyboardInterrupt"},
		{name: "destructor"},
		{name: "path_order", want: "/nowhere/first:/nowhere/second"},
		{name: "seeks", want: "ValueError ValueError ValueError nothing"}, // nothing was left behind
	} {
		t.Run(test.name, func(t *testing.T) {
			a.log.Reset()
			errors.Reset()
			got := a.content(t, "/"+test.name)
			if test.want != "" {
				assert.Equal(t, test.want, got)
			}
			assert.Contains(t, a.log.String()+errors.String(), test.log)
		})
	}
}
