package progress

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// world is a handler that is watched.
type world struct {
	*testing.T
	h    *Handler
	row  *scoreboard.Worker
	log  logLines
	stop func() // ends the watch, and waits for that
}

const timeout = 30 * time.Second

// latest is when at the latest a request has run into it.
const latest = timeout + 2*time.Second

// watched runs test in a bubble, with a as the application on two threads.
func watched(t *testing.T, o Options, a httpserver.Handler, test func(w *world)) {
	row := newRow(t, 2)
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, h: NewHandler(a, row), row: row}
		o.Log = w.log.logger()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.h.Watch(ctx, o)
		}()
		w.stop = func() {
			cancel()
			<-ended
		}
		defer w.stop()
		test(w)
	})
}

// blocked is an application that waits in the middle until the test's end.
func blocked(w httpserver.ResponseWriter, r *httpserver.Request) { time.Sleep(time.Hour) }

// after waits for d, and until nothing more happens.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestARequestThatDoesNotMoveIsAnsweredBy504(t *testing.T) {
	watched(t, Options{Timeout: timeout}, application(blocked), func(w *world) {
		after(time.Second / 3)
		c, back := serve(w.h, 0, request("GET", "/slow"))
		head, headBack := serve(w.h, 1, request("HEAD", "/slow"))
		after(timeout)
		assert.Empty(t, c.all())
		assert.Zero(t, w.row.Counters().TimedOut.Load())
		after(latest - timeout)
		assert.Equal(t, gatewayTimeout, c.all())
		assert.Equal(t, gatewayTimeout[:1], head.all())
		assert.EqualValues(t, 2, w.row.Counters().TimedOut.Load())
		<-back
		<-headBack
		assert.Len(t, c.all(), 2, "and nothing more comes")
		assert.Len(t, w.log.lines(), 2)
	})
}

func TestTheLogTellsOfTheRequest(t *testing.T) {
	watched(t, Options{Timeout: timeout, Dump: func(thread int) string { return "in view" }}, application(blocked), func(w *world) {
		after(time.Second / 2)
		_, back := serve(w.h, 1, request("GET", "/slow?x=1"))
		<-back
		assert.Equal(t, []string{`level=ERROR msg="a request ran into the time-out" id=id-1 method=GET target="/slow?x=1" ` +
			`age=30.5s thread=1 client="answered by 504" stack="in view"`}, w.log.lines())
	})
}

func TestARequestThatMovesNeverTimesOut(t *testing.T) {
	for _, c := range []struct {
		name string
		run  application
	}{
		{"by what it sends", func(w httpserver.ResponseWriter, r *httpserver.Request) {
			assert.NoError(t, w.WriteHead(okHead))
			for range 100 {
				time.Sleep(timeout - time.Second/2)
				assert.NoError(t, w.Write([]byte("x")))
			}
		}},
		{"by what it reads", func(w httpserver.ResponseWriter, r *httpserver.Request) {
			for range 100 {
				time.Sleep(timeout - time.Second/2)
				_, err := r.Body.Read(make([]byte, 1))
				assert.NoError(t, err)
			}
		}},
		{"though it waits long for content", func(w httpserver.ResponseWriter, r *httpserver.Request) {
			r.Body.(*body).inner = slowReader{time.Hour}
			for range 10 {
				time.Sleep(timeout - time.Second)
				_, err := r.Body.Read(make([]byte, 1))
				assert.NoError(t, err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			watched(t, Options{Timeout: timeout}, c.run, func(w *world) {
				r := request("POST", "/stream")
				r.Body = slowReader{}
				_, back := serve(w.h, 0, r)
				<-back
				assert.Empty(t, w.log.lines())
			})
		})
	}
}

// slowReader is endless content.
type slowReader struct{ delay time.Duration }

func (s slowReader) Read(p []byte) (int, error) {
	time.Sleep(s.delay)
	return len(p), nil
}

func TestTheTimeInWhichTheClientDoesNotReadDoesNotCount(t *testing.T) {
	watched(t, Options{Timeout: timeout}, application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		assert.NoError(t, w.WriteHead(okHead))
		assert.NoError(t, w.Write([]byte("much")))
		time.Sleep(timeout - time.Second)
		assert.NoError(t, w.Write([]byte("more")))
		time.Sleep(latest)
		assert.ErrorIs(t, w.Write([]byte("too late")), ErrTimedOut)
	}), func(w *world) {
		c, back := &client{slow: make(chan struct{})}, make(chan struct{})
		go func() {
			defer close(back)
			w.h.Serve(0, c, request("GET", "/"))
		}()
		after(time.Hour)
		close(c.slow)
		<-back
		assert.Equal(t, []string{"200 OK, -1 bytes, close false", "much", "more", "abort"}, c.all())
	})
}

func TestOtherRequestsAreNotHurt(t *testing.T) {
	watched(t, Options{Timeout: timeout}, application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		if string(r.Target) == "/slow" {
			time.Sleep(latest)
			return
		}
		assert.NoError(t, w.WriteHead(okHead))
	}), func(w *world) {
		_, slowBack := serve(w.h, 0, request("GET", "/slow"))
		after(timeout - time.Second)
		other, otherBack := serve(w.h, 1, request("GET", "/"))
		<-otherBack
		<-slowBack
		next, nextBack := serve(w.h, 0, request("GET", "/"))
		<-nextBack
		assert.Equal(t, []string{"200 OK, -1 bytes, close false"}, other.all())
		assert.Equal(t, other.all(), next.all(), "nor the next one of the thread")
		assert.Len(t, w.log.lines(), 1)
	})
}

func TestAClientThatDoesNotTakeThe504HoldsUpNobody(t *testing.T) {
	var gone, called chan struct{}
	watched(t, Options{Timeout: timeout, Grace: time.Minute, Stuck: func(s Stuck) { t.Error(s) }}, application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		time.Sleep(latest)
		if string(r.Target) == "/gone" {
			<-gone
		}
		assert.ErrorIs(t, w.WriteHead(okHead), ErrTimedOut)
		assert.True(t, w.Disconnected())
		w.Abort()
		called <- struct{}{}
	}), func(w *world) {
		gone, called = make(chan struct{}), make(chan struct{}, 2)
		c, back := &client{slow: make(chan struct{})}, make(chan struct{})
		go func() {
			defer close(back)
			w.h.Serve(0, c, request("GET", "/gone"))
		}()
		other, otherBack := serve(w.h, 1, request("GET", "/"))
		<-otherBack
		assert.Equal(t, gatewayTimeout, other.all())
		after(10 * time.Minute)
		close(gone)
		<-called // by the other one
		<-called // before there was room for the 504
		close(c.slow)
		<-back
		assert.Equal(t, gatewayTimeout, c.all())
	})
}

func TestAStoppedProcessHasNoRequestToBlame(t *testing.T) {
	watched(t, Options{}, application(blocked), func(w *world) {
		c, back := serve(w.h, 0, request("GET", "/"))
		dog := newWatchdog(w.h, Options{Timeout: timeout, Log: w.log.logger()})
		synctest.Wait()
		dog.look(w.Context())
		for range 14 { // of which two ticks count each
			after(time.Minute)
			dog.look(w.Context())
		}
		assert.Empty(t, c.all())
		after(time.Minute)
		dog.look(w.Context())
		after(0)
		assert.Equal(t, gatewayTimeout, c.all())
		dog.pursuits.Wait()
		<-back
	})
}

func TestWithoutATimeoutOnlyTheTimeIsKept(t *testing.T) {
	watched(t, Options{}, application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		time.Sleep(time.Hour)
		_, err := r.Body.Read(nil)
		assert.NoError(t, err)
		time.Sleep(time.Minute)
		requests := w.(*thread).h.row.InRequests()
		require.Len(t, requests, 1)
		assert.InDelta(t, time.Minute, time.Duration(requests[0].Seen-requests[0].Moved), float64(time.Second))
		assert.Equal(t, time.Hour+time.Minute, requests[0].Age())
	}), func(w *world) {
		r := request("POST", "/")
		r.Body = io.LimitReader(slowReader{}, 100)
		_, back := serve(w.h, 0, r)
		<-back
		assert.Empty(t, w.log.lines())
	})
}
