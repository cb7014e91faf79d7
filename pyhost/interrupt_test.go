package pyhost_test

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/pyhost"
)

func fdString(f *os.File) string { return strconv.Itoa(int(f.Fd())) }

// askOn is ask that tells on which thread it runs.
func (a *asker) askOn(t *testing.T, w httpserver.ResponseWriter, target string, started chan<- int) {
	onThread(t, func(thread int) {
		started <- thread
		a.serve(thread, w, target)
	})
}

func (a *asker) serve(thread int, w httpserver.ResponseWriter, target string) {
	a.handler.Serve(thread, w, &httpserver.Request{ID: "1", Method: []byte("GET"), Target: []byte(target),
		Proto: "HTTP/1.1", Scheme: "http", Body: bytes.NewReader(nil)})
}

// announcing says when the first chunk is sent.
type announcing struct {
	sink
	written chan struct{}
	once    sync.Once
}

func (a *announcing) Write(p []byte) error {
	a.once.Do(func() { close(a.written) })
	return a.sink.Write(p)
}

// running is a request that is being worked on.
type running struct {
	number uint64
	sink   sink
	ended  chan struct{}
}

// begin asks for target and returns when the application has arrived where it waits.
func (a *asker) begin(t *testing.T, helper *asker, target string) *running {
	t.Helper()
	r := &running{ended: make(chan struct{})}
	started := make(chan int)
	go func() {
		defer close(r.ended)
		a.askOn(t, &r.sink, target, started)
	}()
	thread := <-started
	helper.content(t, "/arrival")
	r.number = host.Running(thread)
	require.NotZero(t, r.number)
	return r
}

func TestAnInterruptedRequestEndsByAnExceptionThatTellsSo(t *testing.T) {
	helper := newAsker(t, "crashes:app")
	for spec, target := range map[string]string{"crashes:app": "/spins", "crashes:closing": "/"} {
		t.Run(spec, func(t *testing.T) {
			helper.content(t, "/clear")
			a := newAsker(t, spec)
			r := a.begin(t, helper, target)
			require.NoError(t, host.Interrupt(context.Background(), r.number))
			<-r.ended
			assert.Contains(t, a.log.String(), "pyserve.RequestTimeout: the request has run into its time-out")
			assert.Contains(t, a.log.String(), "in spins", "the traceback")
			assert.ErrorIs(t, host.Interrupt(context.Background(), r.number), pyhost.ErrRequestOver)
		})
	}
}

func TestAnInterruptForTheShutdownRaisesAKindOfRequestTimeout(t *testing.T) {
	a, helper := newAsker(t, "crashes:app"), newAsker(t, "crashes:app")
	helper.content(t, "/clear")
	r := a.begin(t, helper, "/catches")
	for range 2 {
		require.NoError(t, host.InterruptForShutdown(context.Background(), r.number))
		helper.content(t, "/arrival")
	}
	helper.content(t, "/release")
	<-r.ended
	assert.Equal(t, "ServerShutdown ServerShutdown", string(r.sink.content))
	assert.True(t, (&pyhost.Error{Type: "pyserve.ServerShutdown"}).Timeout())
}

func TestTheErrorOfAnInterruptedCallIsATimeout(t *testing.T) {
	helper, app := newAsker(t, "crashes:app"), loadApp(t, "crashes:app")
	helper.content(t, "/clear")
	builder, err := environ.NewBuilder(environ.Config{})
	require.NoError(t, err)
	started, failure := make(chan int), make(chan error, 1)
	go onThread(t, func(thread int) {
		started <- thread
		x := &gateway.Exchange{ID: "1"}
		err := builder.Build(&x.Environ, &httpserver.Request{
			Method: []byte("GET"), Target: []byte("/spins"), Proto: "HTTP/1.1", Scheme: "http",
		})
		if err == nil {
			_, err = app.Call(thread, x)
		}
		failure <- err
	})
	thread := <-started
	helper.content(t, "/arrival")
	require.NoError(t, host.Interrupt(context.Background(), host.Running(thread)))
	var timeout interface{ Timeout() bool }
	require.ErrorAs(t, <-failure, &timeout)
	assert.True(t, timeout.Timeout())
	assert.False(t, (&pyhost.Error{Type: "KeyError"}).Timeout())
}

func TestAnApplicationThatCatchesTheInterruptGoesOnAndCanBeInterruptedAgain(t *testing.T) {
	a, helper := newAsker(t, "crashes:app"), newAsker(t, "crashes:app")
	helper.content(t, "/clear")
	r := a.begin(t, helper, "/catches")
	for range 2 {
		require.NoError(t, host.Interrupt(context.Background(), r.number))
		helper.content(t, "/arrival")
	}
	helper.content(t, "/release")
	<-r.ended
	assert.Equal(t, "RequestTimeout RequestTimeout", string(r.sink.content))
	assert.Empty(t, a.log.String())
}

func TestAnInterruptThatComesTooLateHitsNoLaterRequest(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	a, after := newAsker(t, "crashes:ends"), newAsker(t, "crashes:app")
	onThread(t, func(thread int) {
		response := &announcing{written: make(chan struct{})}
		interrupted := make(chan error, 1)
		go func() {
			<-response.written
			interrupted <- host.Interrupt(context.Background(), host.Running(thread))
			w.Write([]byte("x")) // what the application waits for in C
		}()
		a.serve(thread, response, "/?"+fdString(r))
		assert.NoError(t, <-interrupted)
		assert.Equal(t, "firstx", string(response.content))
		after.serve(thread, &sink{}, "/clear")
	})
	assert.Empty(t, a.log.String()+after.log.String())
}

func TestAnInterruptDoesNotWaitForTheGILForEver(t *testing.T) {
	a, stuck := newAsker(t, "crashes:app"), newGILKeeper(t)
	a.content(t, "/clear")
	r := a.begin(t, newAsker(t, "crashes:app"), "/waits")
	stuck.begin(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 3 { // the interrupter is stuck with the first one
		err := host.Interrupt(ctx, r.number)
		assert.ErrorIs(t, err, pyhost.ErrGILBusy)
		assert.ErrorIs(t, err, context.Canceled)
	}
	stuck.end(t)
	a.content(t, "/release")
	<-r.ended
	assert.Equal(t, "released", string(r.sink.content), "a given-up interrupt is not made up for")
	assert.Empty(t, a.log.String())
}

func TestNoNumberOfARequestIsNone(t *testing.T) {
	assert.ErrorIs(t, host.Interrupt(context.Background(), 0), pyhost.ErrRequestOver)
	for thread := range threads {
		assert.Zero(t, host.Running(thread))
	}
}
