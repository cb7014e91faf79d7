package pyserve_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve"
)

func TestAnApplicationServesFromListenersUntilItIsShutDown(t *testing.T) {
	python := start(t)
	for name, stop := range map[string]func(a *pyserve.Application){
		"Shutdown": func(a *pyserve.Application) { assert.NoError(t, a.Shutdown(t.Context())) },
		"Close":    func(a *pyserve.Application) { assert.NoError(t, a.Close()) },
		"Drain":    func(a *pyserve.Application) { a.Drain(t.Context()); assert.NoError(t, a.Shutdown(t.Context())) },
	} {
		t.Run(name, func(t *testing.T) {
			app, err := python.Load(t.Context(), pyserve.App{Name: "flaskapp:app"})
			require.NoError(t, err)
			served := make(chan error, 2)
			var addresses []string
			for range 2 {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				addresses = append(addresses, l.Addr().String())
				go func() { served <- app.Serve(l) }()
			}
			for _, address := range addresses {
				status, body := get(t, "http://"+address+"/hello")
				assert.Equal(t, 200, status)
				assert.Contains(t, body, "Hello from Flask")
			}
			http.DefaultClient.CloseIdleConnections()
			stop(app)
			for _, address := range addresses {
				assert.ErrorIs(t, <-served, http.ErrServerClosed)
				_, err := net.Dial("tcp", address)
				assert.Error(t, err)
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			assert.ErrorIs(t, app.Serve(l), http.ErrServerClosed, "afterwards, too")
		})
	}
}

func TestAListenerThatFailsEndsServe(t *testing.T) {
	app, err := start(t).Load(t.Context(), pyserve.App{Name: "flaskapp:app"})
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	err = app.Serve(l)
	assert.ErrorIs(t, err, net.ErrClosed)
	assert.NotErrorIs(t, err, http.ErrServerClosed)
	assert.NoError(t, app.Shutdown(context.Background()))
}
