package pyserve_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve"
	"github.com/pyserve/pyserve/httpserver"
)

func TestAnApplicationAnswersItsOwner(t *testing.T) {
	app, err := start(t).Load(context.Background(), pyserve.App{Name: "flaskapp:app"})
	require.NoError(t, err)
	status, err := app.Get("/hello?name=x")
	assert.NoError(t, err)
	assert.Equal(t, 200, status)
	status, err = app.Get("/not-there")
	assert.NoError(t, err)
	assert.Equal(t, 404, status)
	_, err = app.Get("no path")
	assert.Error(t, err)
}

func TestAnAnswerThatIsCutOffIsAnError(t *testing.T) {
	app, err := start(t).Load(context.Background(), pyserve.App{Name: "apps.lifecycle:app"})
	require.NoError(t, err)
	_, err = app.Get("/raises_midway")
	assert.ErrorContains(t, err, "there was no complete answer")
}

func TestTheErrorPageShowsWhatIsWrongWithoutBeingMarkup(t *testing.T) {
	python := start(t)
	page, err := python.ErrorPage(pyserve.App{Name: "<shop>:app"}, errors.New("it is <broken>"))
	require.NoError(t, err)
	server := httptest.NewServer(page)
	defer server.Close()
	status, body := get(t, server.URL)
	assert.Equal(t, 500, status)
	assert.Contains(t, body, "&lt;shop&gt;:app could not be imported")
	assert.Contains(t, body, "it is &lt;broken&gt;")
}

func TestModuleFilesAreThoseOfWhatIsImported(t *testing.T) {
	python := start(t)
	_, err := python.Load(context.Background(), pyserve.App{Name: "flaskapp:app"})
	require.NoError(t, err)
	files, err := python.ModuleFiles()
	require.NoError(t, err)
	assert.Contains(t, strings.Join(files, "\n")+"\n", filepath.Join("testdata", "flaskapp.py")+"\n")
}

func TestWhatIsNoApplicationIsAnErrorOfTheLibrary(t *testing.T) {
	python := start(t)
	for spec, says := range map[string]string{
		"apps.applications_wrong:create_app": "pyserve 'apps.applications_wrong:create_app()'",
		"apps.applications_asgi:instance":    "is an ASGI application",
		"apps.demo.application":              "did you mean apps.demo:application?",
	} {
		_, err := python.Load(context.Background(), pyserve.App{Name: spec})
		assert.ErrorContains(t, err, says)
	}
	_, err := python.Load(context.Background(), pyserve.App{Name: "flaskapp:app", HTTP: httpserver.Options{SpoolDir: "/proc"}})
	assert.ErrorContains(t, err, "no temporary file can be made in /proc")
}
