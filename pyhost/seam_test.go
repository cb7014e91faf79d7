package pyhost_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/pyhost"
)

// panicking is a response writer with a fault of ours.
type panicking struct{ sink }

func (p *panicking) Write([]byte) error { panic("a fault in the engine") }

func TestAPanicInACallbackGoesOnInGoAfterTheApplicationIsThrough(t *testing.T) {
	builder, err := environ.NewBuilder(environ.Config{})
	require.NoError(t, err)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	handler := gateway.NewHandler(loadApp(t, "seam:writes"), builder, threads, gateway.Options{Log: log})
	request := &httpserver.Request{ID: "1", Method: []byte("GET"), Target: []byte("/"), Proto: "HTTP/1.1", Scheme: "http"}
	onThread(t, func(thread int) {
		for range 2 { // the thread serves the next request as well
			func() {
				defer func() { assert.ErrorContains(t, recover().(error), "panic in a callback: a fault in the engine") }()
				handler.Serve(thread, &panicking{}, request)
				t.Error("Serve returned")
			}()
		}
	})
}

func TestFileObjectsAreSentFromTheirPositionByADescriptorOfTheirOwn(t *testing.T) {
	app := loadApp(t, "seam:file")
	builder, err := environ.NewBuilder(environ.Config{})
	require.NoError(t, err)
	for target, want := range map[string]*gateway.File{
		"/regular": {Offset: 3, Size: 7}, "/buffered_after_read": {Offset: 2, Size: 7}, "/temporary": {Offset: 0, Size: 7},
		"/named_temporary": {Offset: 1, Size: 7}, "/unbuffered": {Offset: 4, Size: 7}, "/read_and_write": {Offset: 5, Size: 10},
		"/gzip": nil, "/bytes": nil, "/pipe": nil, "/subclass": nil, "/buffered_gzip": nil,
	} {
		t.Run(target[1:], func(t *testing.T) {
			onThread(t, func(thread int) {
				x := &gateway.Exchange{ID: "1"}
				require.NoError(t, builder.Build(&x.Environ, &httpserver.Request{
					Method: []byte("GET"), Target: []byte(target), Proto: "HTTP/1.1", Scheme: "http",
				}))
				result, err := app.Call(thread, x)
				require.NoError(t, err)
				defer result.Body.Close()
				if want == nil {
					assert.Nil(t, result.File)
					return
				}
				require.NotNil(t, result.File)
				defer result.File.F.Close()
				assert.Equal(t, [2]int64{want.Offset, want.Size}, [2]int64{result.File.Offset, result.File.Size})
				position, err := result.File.F.Seek(0, io.SeekCurrent)
				require.NoError(t, err)
				assert.Zero(t, position, "its own file offset")
			})
		})
	}
}

func TestABrokenPipeIsAnErrorInAnyGoProgram(t *testing.T) {
	app := loadApp(t, "seam:breaks_a_pipe")
	builder, err := environ.NewBuilder(environ.Config{})
	require.NoError(t, err)
	onThread(t, func(thread int) {
		x := &gateway.Exchange{ID: "1"}
		require.NoError(t, builder.Build(&x.Environ, &httpserver.Request{
			Method: []byte("GET"), Target: []byte("/"), Proto: "HTTP/1.1", Scheme: "http",
		}))
		result, err := app.Call(thread, x)
		require.NoError(t, err)
		defer result.Body.Close()
		chunk, err := result.Body.Next()
		require.NoError(t, err)
		assert.Equal(t, "BrokenPipeError", string(chunk))
	})
}

func TestASecondHostIsRefused(t *testing.T) {
	_, err := pyhost.Start(pyhost.Config{})
	assert.ErrorIs(t, err, pyhost.ErrStarted)
}
