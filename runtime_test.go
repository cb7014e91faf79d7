package pyserve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve"
)

// shared are the options of the one Python that all tests and the example have in common.
var shared = pyserve.Options{Venv: "build/venv", Dir: "testdata", Threads: 4}

// TestMain keeps Python running until all tests, and the example, are through: its last Close ends it.
func TestMain(m *testing.M) {
	python, err := pyserve.New(context.Background(), shared)
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	code := m.Run()
	if err := python.Close(context.Background()); err != nil && code == 0 {
		os.Stderr.WriteString(err.Error() + "\n")
		code = 1
	}
	if _, err := pyserve.New(context.Background(), shared); err == nil && code == 0 {
		os.Stderr.WriteString("New after the last Close must be an error\n")
		code = 1
	}
	os.Exit(code)
}

func start(t *testing.T) *pyserve.Runtime {
	python, err := pyserve.New(context.Background(), shared)
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
	flask, err := python.Load(context.Background(), pyserve.App{Name: "flaskapp:app", Mount: "/flask"})
	require.NoError(t, err)
	pyramid, err := python.Load(context.Background(), pyserve.App{Name: "pyramidapp:app", Mount: "/pyramid"})
	require.NoError(t, err)
	django, err := python.Load(context.Background(), pyserve.App{Name: "djangoapp.wsgi:application", Mount: "/django"})
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
	_, err := python.Load(context.Background(), pyserve.App{Name: "djangoapp.wsgi:application"})
	require.NoError(t, err)
	_, err = python.Load(context.Background(), pyserve.App{Name: "apps.second_django:application"})
	require.ErrorContains(t, err, "belongs to the Django project with settings second.settings")
	assert.ErrorContains(t, err, "djangoapp.settings")
}

func TestADifferingRuntimeIsAnError(t *testing.T) {
	start(t)
	other := shared
	other.Threads = 5
	_, err := pyserve.New(t.Context(), other)
	var different *pyserve.DifferentError
	require.ErrorAs(t, err, &different)
	assert.Equal(t, "Threads", different.Option)
	other = shared
	other.Venv = "elsewhere"
	_, err = pyserve.New(t.Context(), other)
	assert.ErrorContains(t, err, "another Venv")
}

func TestNewGivesUpWithItsContext(t *testing.T) {
	start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // it may be faster than that
		if python, err := pyserve.New(ctx, shared); err == nil {
			require.NoError(t, python.Close(t.Context()))
		} else {
			require.ErrorIs(t, err, context.Canceled)
		}
	}
	start(t) // what was given up has not ended Python
}

// slowApp writes an application whose import makes the file begun, and waits until proceed is called.
func slowApp(t *testing.T) (name, begun string, proceed func()) {
	t.Helper()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	name, begun = filepath.Join(dir, "slow_app.py"), filepath.Join(dir, "begun")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	pipe, err := os.OpenFile(fifo, os.O_RDWR, 0) // which waits for nobody
	require.NoError(t, err)
	t.Cleanup(func() { pipe.Close() })
	require.NoError(t, os.WriteFile(name, fmt.Appendf(nil, `
import os
open(%q, "w").close()
os.read(os.open(%q, os.O_RDONLY), 1)

def app(environ, start_response):
    start_response("200 OK", [])
    return [b"slow"]
`, begun, fifo), 0o600))
	return name, begun, func() {
		_, err := pipe.WriteString("\n")
		require.NoError(t, err)
	}
}

func TestLoadGivesUpWithItsContextAndTheImportGoesOn(t *testing.T) {
	python := start(t)
	name, begun, proceed := slowApp(t)
	ctx, cancel := context.WithCancel(t.Context())
	given := make(chan error, 1)
	go func() {
		_, err := python.Load(ctx, pyserve.App{Name: name})
		given <- err
	}()
	require.Eventually(t, func() bool { _, err := os.Stat(begun); return err == nil }, 20*time.Second, time.Millisecond)
	cancel()
	assert.ErrorIs(t, <-given, context.Canceled)
	proceed() // for the import that goes on
	proceed() // and the next one
	app, err := python.Load(t.Context(), pyserve.App{Name: name})
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	app.ServeHTTP(recorder, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, "slow", recorder.Body.String())
}

func TestAGoProgramAddsToTheEnviron(t *testing.T) {
	app, err := start(t).Load(t.Context(), pyserve.App{Name: "apps.environ:app", Environ: func(r *http.Request) map[string]string {
		user, _, _ := r.BasicAuth()
		return map[string]string{"REMOTE_USER": user, "SERVER_NAME": "from.go", "shop.tenant": "7"}
	}})
	require.NoError(t, err)
	request := httptest.NewRequest("GET", "/", nil)
	request.SetBasicAuth("alice", "secret")
	recorder := httptest.NewRecorder()
	app.ServeHTTP(recorder, request)
	var answer struct {
		Entries map[string]struct{ Type, Value any }
	}
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &answer))
	for name, want := range map[string]string{"REMOTE_USER": "alice", "SERVER_NAME": "from.go", "shop.tenant": "7"} {
		assert.Equal(t, want, answer.Entries[name].Value, name)
		assert.Equal(t, "str", answer.Entries[name].Type, name)
	}
}

func TestTheApplicationSeesWhatEncryptsTheConnection(t *testing.T) {
	app, err := start(t).Load(t.Context(), pyserve.App{Name: "apps.environ:app"})
	require.NoError(t, err)
	server := httptest.NewTLSServer(app)
	defer server.Close()
	res, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	var answer struct {
		Entries map[string]struct{ Type, Value any }
	}
	require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
	for name, want := range map[string]string{"HTTPS": "on", "SSL_PROTOCOL": "TLSv1.3", "wsgi.url_scheme": "https"} {
		assert.Equal(t, want, answer.Entries[name].Value, name)
	}
}

func TestTheRuntimeCountsWhatItsApplicationsAnswer(t *testing.T) {
	python := start(t)
	app, err := python.Load(t.Context(), pyserve.App{Name: "flaskapp:app"})
	require.NoError(t, err)
	before := python.Stats()
	app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/not-there", nil))
	after := python.Stats()
	for _, name := range []string{"requests", "responses_4xx", "methods_GET"} {
		assert.Equal(t, before.Value(name)+1, after.Value(name), name)
	}
}

func TestFaultsOfAnAppAreReportedTogether(t *testing.T) {
	err := pyserve.App{Mount: "shop", TrustedProxies: []string{"10.0.0.300"}, HeaderMap: "maybe"}.Validate()
	for _, want := range []string{"module:callable", "shop", "10.0.0.300", "maybe"} {
		assert.ErrorContains(t, err, want)
	}
}

func TestAnImportErrorCarriesItsTraceback(t *testing.T) {
	_, err := start(t).Load(context.Background(), pyserve.App{Name: "apps.raises_at_import:app"})
	var exception *pyserve.Error
	require.ErrorAs(t, err, &exception)
	assert.Equal(t, "ZeroDivisionError", exception.Type)
	assert.Contains(t, exception.Traceback(), "raises_at_import.py")
}

func TestAHandlerWorksWithAnyResponseWriter(t *testing.T) {
	handler, err := start(t).Load(context.Background(), pyserve.App{Name: "flaskapp"})
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest("GET", "/hello", strings.NewReader("")))
	assert.Equal(t, 200, recorder.Code)
}
