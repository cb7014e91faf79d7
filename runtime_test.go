package pyserve_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve"
	"github.com/pyserve/pyserve/pyhost"
)

// shared are the options of the one Python that all tests and the example have in common.
var shared = pyserve.Options{Venv: "build/venv", Dir: "testdata", Threads: 4}

// TestMain keeps Python running until all tests, and the example, are through: its last Close ends it.
func TestMain(m *testing.M) {
	python, err := pyserve.New(shared)
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	code := m.Run()
	if err := python.Close(context.Background()); err != nil && code == 0 {
		os.Stderr.WriteString(err.Error() + "\n")
		code = 1
	}
	if _, err := pyserve.New(shared); err == nil && code == 0 {
		os.Stderr.WriteString("New after the last Close must be an error\n")
		code = 1
	}
	os.Exit(code)
}

func start(t *testing.T) *pyserve.Runtime {
	python, err := pyserve.New(shared)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, python.Close(context.Background())) })
	return python
}

func get(t *testing.T, url string) (int, string) {
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}

func TestSeveralAppsShareOnePython(t *testing.T) {
	python := start(t)
	flask, err := python.Handler(pyserve.App{Name: "flaskapp:app", Mount: "/flask"})
	require.NoError(t, err)
	pyramid, err := python.Handler(pyserve.App{Name: "pyramidapp:app", Mount: "/pyramid"})
	require.NoError(t, err)
	django, err := python.Handler(pyserve.App{Name: "djangoapp.wsgi:application", Mount: "/django"})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/flask/", flask)
	mux.Handle("/pyramid/", pyramid)
	mux.Handle("/django/", django)
	server := httptest.NewServer(mux)
	defer server.Close()

	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range 20 {
				for name, want := range map[string]string{"flask": "Flask", "pyramid": "Pyramid", "django": "Django"} {
					status, content := get(t, server.URL+"/"+name+"/hello")
					assert.Equal(t, 200, status)
					assert.Contains(t, content, "Hello from "+want)
				}
			}
		})
	}
	clients.Wait()
	status, _ := get(t, server.URL+"/flask")
	assert.NotEqual(t, 500, status)
}

func TestASecondDjangoProjectIsRefusedWithTheReason(t *testing.T) {
	python := start(t)
	_, err := python.Handler(pyserve.App{Name: "djangoapp.wsgi:application"})
	require.NoError(t, err)
	_, err = python.Handler(pyserve.App{Name: "apps.second_django:application"})
	require.ErrorContains(t, err, "belongs to the Django project with settings second.settings")
	assert.ErrorContains(t, err, "djangoapp.settings")
}

func TestADifferingRuntimeIsAnError(t *testing.T) {
	start(t)
	other := shared
	other.Threads = 5
	_, err := pyserve.New(other)
	assert.ErrorContains(t, err, "another Threads")
	other = shared
	other.Venv = "elsewhere"
	_, err = pyserve.New(other)
	assert.ErrorContains(t, err, "another Venv")
}

func TestFaultsOfAnAppAreReportedTogether(t *testing.T) {
	err := pyserve.App{Mount: "shop", TrustedProxies: []string{"10.0.0.300"}, HeaderMap: "maybe"}.Validate()
	for _, want := range []string{"module:callable", "shop", "10.0.0.300", "maybe"} {
		assert.ErrorContains(t, err, want)
	}
}

func TestAnImportErrorCarriesItsTraceback(t *testing.T) {
	_, err := start(t).Handler(pyserve.App{Name: "apps.raises_at_import:app"})
	var exception *pyhost.Error
	require.ErrorAs(t, err, &exception)
	assert.Equal(t, "ZeroDivisionError", exception.Type)
	assert.Contains(t, exception.Traceback(), "raises_at_import.py")
}

func TestAHandlerWorksWithAnyResponseWriter(t *testing.T) {
	handler, err := start(t).Handler(pyserve.App{Name: "flaskapp"})
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest("GET", "/hello", strings.NewReader("")))
	assert.Equal(t, 200, recorder.Code)
}
