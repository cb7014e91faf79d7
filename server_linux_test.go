package pyserve_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve"
)

// engineVariable names the engine of this process, as its Python has one.
const engineVariable = "PYSERVE_TEST_ENGINE"

func init() { shared.Engine = os.Getenv(engineVariable) }

func TestTheReactorServesOneApplicationOfAProcess(t *testing.T) {
	if shared.Engine != pyserve.EngineReactor {
		child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
		child.Env = append(os.Environ(), engineVariable+"="+pyserve.EngineReactor)
		output, err := child.CombinedOutput()
		require.NoError(t, err, string(output))
		assert.Contains(t, string(output), "--- PASS: "+t.Name())
		return
	}
	python := start(t)
	app, err := python.Load(t.Context(), pyserve.App{Name: "flaskapp:app", HealthPath: "/healthz"})
	require.NoError(t, err)
	other, err := python.Load(t.Context(), pyserve.App{Name: "apps.environ:app"})
	require.NoError(t, err)
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		return l
	}
	served, l := make(chan error, 1), listen()
	go func() { served <- app.Serve(l) }()
	for path, want := range map[string]string{"/hello": "Hello from Flask", "/healthz": "ok\n"} {
		status, body := get(t, "http://"+l.Addr().String()+path)
		assert.Equal(t, 200, status)
		assert.Contains(t, body, want)
	}
	assert.ErrorContains(t, other.Serve(listen()), "serves one")
	assert.ErrorContains(t, other.Shutdown(t.Context()), "serves one")
	http.DefaultClient.CloseIdleConnections()
	assert.NoError(t, app.Shutdown(t.Context()))
	assert.ErrorIs(t, <-served, http.ErrServerClosed)
}
