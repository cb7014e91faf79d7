package progress

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

// extended is an engine's ResponseWriter with the extensions, behind a wrapper.
type extended struct{ *client }

func (e extended) Interim(status int, _ []httpserver.HeaderField) error {
	defer e.enter()()
	e.note("%d", status)
	return nil
}

func (e extended) Hijack() (*os.File, []byte, error) {
	defer e.enter()()
	e.note("hijack")
	return nil, []byte("rest"), nil
}

type wrapper struct{ httpserver.ResponseWriter }

func (w wrapper) Unwrap() httpserver.ResponseWriter { return w.ResponseWriter }

func TestExtensionsAreFoundBehindWrappersAndGuarded(t *testing.T) {
	expired := make(chan bool)
	h := NewHandler(application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		interim, ok := httpserver.Extension[httpserver.Interimer](wrapper{w})
		assert.True(t, ok)
		assert.NoError(t, interim.Interim(103, nil))
		expired <- true
		<-expired
		assert.ErrorIs(t, interim.Interim(103, nil), ErrTimedOut)
		hijacker, ok := httpserver.Extension[httpserver.Hijacker](wrapper{w})
		assert.True(t, ok)
		_, _, err := hijacker.Hijack()
		assert.ErrorIs(t, err, ErrTimedOut)
	}), newRow(t, 1))
	c, back := &client{}, make(chan struct{})
	go func() {
		defer close(back)
		h.Serve(0, wrapper{extended{c}}, request("GET", "/"))
	}()
	<-expired
	number, moved, _ := h.row.Thread(0).Progress()
	outcome, _ := h.expire(0, number, moved, 504)
	assert.Equal(t, answered, outcome)
	expired <- true
	<-back
	assert.Equal(t, append([]string{"103"}, gatewayTimeout...), c.all())
}

func TestWithoutExtensionsThereIsNothingToTakeOver(t *testing.T) {
	h := NewHandler(application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		interim, _ := httpserver.Extension[httpserver.Interimer](w)
		assert.NoError(t, interim.Interim(103, nil), "it is a hint only")
		hijacker, _ := httpserver.Extension[httpserver.Hijacker](w)
		_, _, err := hijacker.Hijack()
		assert.ErrorIs(t, err, httpserver.ErrNoHijack)
		_ = w.WriteHead(okHead)
	}), newRow(t, 1))
	c, back := serve(h, 0, request("GET", "/"))
	<-back
	assert.Len(t, c.all(), 1)
}

func TestAConnectionThatWasTakenOverHasNoTimeOut(t *testing.T) {
	over := func(w httpserver.ResponseWriter, r *httpserver.Request) {
		if string(r.Target) == "/socket" {
			hijacker, _ := httpserver.Extension[httpserver.Hijacker](w)
			_, received, err := hijacker.Hijack()
			assert.NoError(t, err)
			assert.Equal(t, "rest", string(received))
		}
		time.Sleep(10 * latest)
	}
	watched(t, Options{Timeout: timeout}, application(over), func(w *world) {
		for _, target := range []string{"/socket", "/"} {
			c, back := &client{}, make(chan struct{})
			go func() {
				defer close(back)
				w.h.Serve(0, extended{c}, request("GET", target))
			}()
			<-back
			if target == "/socket" {
				assert.Equal(t, []string{"hijack"}, c.all())
			} else {
				assert.Equal(t, gatewayTimeout, c.all(), "the next request on the thread has one")
			}
		}
	})
}
