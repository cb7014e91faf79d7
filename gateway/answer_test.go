package gateway_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/gateway/gatewaytest"
	"github.com/pyserve/pyserve/httpserver"
)

// failing is an application that fails with err.
func failing(err error) gateway.App {
	return appFunc(func(*gateway.Exchange) (gateway.Result, error) { return gateway.Result{}, err })
}

type appFunc func(x *gateway.Exchange) (gateway.Result, error)

func (f appFunc) Call(_ int, x *gateway.Exchange) (gateway.Result, error) { return f(x) }

// serve runs one request through app.
func serve(t *testing.T, app gateway.App, c environ.Config, o gateway.Options, r *httpserver.Request) *gatewaytest.Recorder {
	t.Helper()
	builder, err := environ.NewBuilder(c)
	require.NoError(t, err)
	if o.Log == nil {
		o.Log = new(gatewaytest.Log).Logger()
	}
	w := &gatewaytest.Recorder{}
	gateway.NewHandler(app, builder, 1, o).Serve(0, w, r)
	w.End()
	assert.Empty(t, w.Violations)
	return w
}

const script = `<script>alert("&'")</script>`

func TestTheDebugPageShowsTheTracebackEscaped(t *testing.T) {
	for name, err := range map[string]error{
		"an exception with a traceback": exception("ValueError: " + script),
		"wrapped with that of close()":  errors.Join(fmt.Errorf("x: %w", exception("ValueError: "+script)), errors.New("close")),
		"an error without one":          errors.New("ValueError: " + script),
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(t, failing(err), environ.Config{}, gateway.Options{Debug: true}, gatewaytest.Request("GET", "/"))
			assert.Equal(t, 500, w.Head.Status)
			assert.Equal(t, []httpserver.HeaderField{{Name: "Content-Type", Value: "text/html; charset=utf-8"}}, w.Head.Fields)
			assert.NotContains(t, string(w.Content), "<script>")
			assert.Contains(t, string(w.Content), "&lt;script&gt;alert(&#34;&amp;&#39;&#34;)&lt;/script&gt;")
			assert.Equal(t, strings.Contains(name, "traceback") || strings.Contains(name, "wrapped"), strings.Contains(string(w.Content), "Traceback (most recent call last)"))
			assert.Contains(t, string(w.Content), "shows exceptions to clients")
		})
	}
}

func TestWithoutDebugNothingOfTheExceptionIsShown(t *testing.T) {
	w := serve(t, failing(exception("ValueError: secret")), environ.Config{}, gateway.Options{}, gatewaytest.Request("GET", "/"))
	assert.Equal(t, "Internal Server Error\n", string(w.Content))
}

func TestARequestWithoutEnvironIsAnsweredByTheServer(t *testing.T) {
	never := appFunc(func(*gateway.Exchange) (gateway.Result, error) {
		t.Error("the application was called")
		return gateway.Result{}, errors.New("called")
	})
	for _, tt := range []struct {
		name, method, target, content string
		status                        int
	}{
		{"outside of the mount", "GET", "/other", "Not Found\n", 404},
		{"outside of the mount with HEAD", "HEAD", "/other", "", 404},
		{"a target of no known form", "GET", "other", "Bad Request\n", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := &gatewaytest.Log{}
			w := serve(t, never, environ.Config{Mount: "/app"}, gateway.Options{Log: log.Logger(), Debug: true}, gatewaytest.Request(tt.method, tt.target))
			assert.Equal(t, tt.status, w.Head.Status)
			assert.Equal(t, tt.content, string(w.Content))
			assert.Empty(t, log.Lines(), "a client's mistake is no warning")
		})
	}
}
