package progress

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

// expireNow expires the request that the thread is in.
func expireNow(t *testing.T, h *Handler, thread int) outcome {
	number, moved, ok := h.row.Thread(thread).Progress()
	require.True(t, ok)
	outcome, _ := h.expire(thread, number, moved, 504)
	return outcome
}

func TestAllCallsFailOnceTheRequestHasExpired(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	for _, begun := range []bool{false, true} {
		row := newRow(t, 1)
		var h *Handler
		h = NewHandler(application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
			want := answered
			if begun {
				want = aborted
				assert.NoError(t, w.WriteHead(okHead))
			}
			assert.Equal(t, want, expireNow(t, h, 0))
			_, read := r.Body.Read(make([]byte, 1))
			for call, err := range map[string]error{
				"WriteHead": w.WriteHead(okHead), "Write": w.Write([]byte("x")), "SendFile": w.SendFile(f, 0, 1), "Read": read,
			} {
				assert.ErrorIs(t, err, ErrTimedOut, call)
				assert.ErrorIs(t, err, httpserver.ErrDisconnected, call)
			}
			assert.ErrorIs(t, f.Close(), os.ErrClosed, "SendFile owns the file also when it fails")
			assert.True(t, w.Disconnected())
			w.Abort()
			assert.Equal(t, over, func() outcome {
				n, moved, _ := row.Thread(0).Progress()
				outcome, _ := h.expire(0, n, moved, 504)
				for outcome == waiting { // the 504 is on its way
					outcome, _ = h.expire(0, n, moved, 504)
				}
				return outcome
			}(), "a request expires once")
		}), row)
		c, r := &client{}, request("POST", "/")
		r.Body = slowReader{}
		h.Serve(0, c, r)
		if begun {
			assert.Equal(t, []string{"200 OK, -1 bytes, close false", "abort"}, c.all())
		} else {
			assert.Equal(t, gatewayTimeout, c.all())
		}
	}
}

func TestOnlyARequestThatHasNotMovedExpires(t *testing.T) {
	var h *Handler
	h = NewHandler(application(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		number, moved, _ := h.row.Thread(0).Progress()
		h.now.Add(1e9)
		assert.NoError(t, w.WriteHead(okHead))
		outcome, _ := h.expire(0, number, moved, 504)
		assert.Equal(t, over, outcome)
		_, moved, _ = h.row.Thread(0).Progress()
		outcome, _ = h.expire(0, number+1, moved, 504)
		assert.Equal(t, over, outcome)
		assert.NoError(t, w.Write([]byte("x")))
	}), newRow(t, 2))
	h.Serve(0, &client{}, request("GET", "/"))
	outcome, _ := h.expire(0, 1, 0, 504)
	assert.Equal(t, over, outcome, "the thread is in no request")
	outcome, _ = h.expire(1, 1, 0, 504)
	assert.Equal(t, over, outcome, "and this one never was")
}

func TestARequestThatWaitsForTheClientDoesNotExpire(t *testing.T) {
	for _, c := range []struct {
		name string
		call func(w httpserver.ResponseWriter, r *httpserver.Request)
	}{
		{"to send", func(w httpserver.ResponseWriter, r *httpserver.Request) { assert.NoError(t, w.Write([]byte("x"))) }},
		{"to read", func(w httpserver.ResponseWriter, r *httpserver.Request) {
			_, err := r.Body.Read(make([]byte, 1))
			assert.NoError(t, err)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			row := newRow(t, 1)
			synctest.Test(t, func(t *testing.T) {
				h := NewHandler(application(c.call), row)
				client, r, proceed := &client{slow: make(chan struct{})}, request("POST", "/"), make(chan struct{})
				r.Body = readerFunc(func(p []byte) (int, error) {
					<-proceed
					return len(p), nil
				})
				go h.Serve(0, client, r)
				synctest.Wait()
				assert.Equal(t, waiting, expireNow(t, h, 0))
				close(client.slow)
				close(proceed)
				synctest.Wait()
				assert.NotContains(t, client.all(), "abort")
			})
		})
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
