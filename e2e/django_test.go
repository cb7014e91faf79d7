package e2e_test

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startDjango serves the project on a fresh database with a superuser admin, password "pw".
func startDjango(t *testing.T, flags ...string) *server {
	t.Helper()
	python := filepath.Join(need(t, "PYSERVE_VENV"), "bin", "python")
	database := filepath.Join(t.TempDir(), "db.sqlite3")
	for _, command := range [][]string{
		{"migrate", "-v0"},
		{"createsuperuser", "--noinput", "--username", "admin", "--email", "admin@example.com"},
	} {
		manage := exec.Command(python, append([]string{"-m", "django"}, command...)...)
		manage.Dir = testdata(t)
		manage.Env = append(environment(), "DJANGO_SETTINGS_MODULE=djangoapp.settings",
			"DJANGOAPP_DB="+database, "DJANGO_SUPERUSER_PASSWORD=pw", "PYTHONPATH="+testdata(t))
		out, err := manage.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	flags = append(flags, "--env", "DJANGOAPP_DB="+database)
	return start(t, "djangoapp.wsgi:application", flags...)
}

var csrfField = regexp.MustCompile(`name="csrfmiddlewaretoken" value="([^"]+)"`)

// submit loads the form at path and posts it back, filled in, as a browser does.
func (c *client) submit(t *testing.T, path string, form url.Values, header ...string) answer {
	t.Helper()
	page := c.get(t, path, header...)
	require.Equal(t, 200, page.Status, page.Body)
	token := csrfField.FindStringSubmatch(page.Body)
	require.NotNil(t, token, page.Body)
	form.Set("csrfmiddlewaretoken", token[1])
	return c.postForm(t, path, form, header...)
}

func TestDjangoAdmin(t *testing.T) {
	t.Parallel()
	s := startDjango(t)
	c := s.client(t)

	a := c.get(t, "/admin/")
	require.Equal(t, 302, a.Status)
	require.Equal(t, "/admin/login/?next=/admin/", a.Header.Get("Location"))

	a = c.submit(t, "/admin/login/?next=/admin/", url.Values{"username": {"admin"}, "password": {"wrong"}})
	require.Equal(t, 200, a.Status)
	require.Contains(t, a.Body, "Please enter the correct username and password")

	a = c.submit(t, "/admin/login/?next=/admin/", url.Values{"username": {"admin"}, "password": {"pw"}})
	require.Equal(t, 302, a.Status, a.Body)
	require.Equal(t, "/admin/", a.Header.Get("Location"))
	require.Contains(t, c.get(t, "/admin/").Body, "Notes")

	a = c.submit(t, "/admin/djangoapp/note/add/", url.Values{"text": {"from the admin ☃"}, "_save": {"Save"}})
	require.Equal(t, 302, a.Status, a.Body)
	assert.Contains(t, c.get(t, a.Header.Get("Location")).Body, "was added successfully")
	assert.Contains(t, getJSON[map[string][]string](t, c, "/notes")["notes"], "from the admin ☃")
	assert.Equal(t, 302, s.client(t).get(t, "/admin/").Status, "another client must not be logged in")
}

func TestDjango(t *testing.T) {
	t.Parallel()
	s := startDjango(t)

	t.Run("answers hello", func(t *testing.T) {
		a := s.client(t).get(t, "/hello")
		assert.Equal(t, 200, a.Status)
		assert.Contains(t, a.Body, "Hello from Django")
	})
	t.Run("keeps a session in its database", func(t *testing.T) {
		c := s.client(t)
		for visits := 1; visits <= 3; visits++ {
			assert.Equal(t, visits, getJSON[map[string]int](t, c, "/session")["visits"])
		}
	})
	t.Run("saves a form and leaves a message", func(t *testing.T) {
		c := s.client(t)
		a := c.submit(t, "/form", url.Values{"text": {"Grüße"}})
		assert.Equal(t, 302, a.Status)
		assert.Equal(t, "/form", a.Header.Get("Location"))
		assert.Contains(t, c.get(t, "/messages").Body, "saved note")
		assert.Contains(t, getJSON[map[string][]string](t, c, "/notes")["notes"], "Grüße")
		assert.Equal(t, 400, c.submit(t, "/form", url.Values{"text": {""}}).Status)
	})
	t.Run("refuses a form without its CSRF token", func(t *testing.T) {
		a := s.client(t).postForm(t, "/form", url.Values{"text": {"forged"}})
		assert.Equal(t, 403, a.Status)
	})
	for _, tt := range []struct {
		name, kind string
		size       int
	}{
		{"a small upload in memory", "InMemoryUploadedFile", 1000},
		{"an upload of 5 MiB in a temporary file", "TemporaryUploadedFile", 5 << 20},
	} {
		t.Run("takes "+tt.name, func(t *testing.T) {
			content := pattern(tt.size)
			got := decode[struct {
				Files map[string]struct {
					Size         int
					SHA256, Kind string
				}
				Fields map[string]string
			}](t, s.client(t).upload(t, "/upload", "x.bin", content))
			assert.Equal(t, tt.size, got.Files["file"].Size)
			assert.Equal(t, sha(content), got.Files["file"].SHA256)
			assert.Equal(t, tt.kind, got.Files["file"].Kind)
			assert.Equal(t, "for you", got.Fields["note"])
		})
	}
	t.Run("reads a chunked body, which it does by CONTENT_LENGTH", func(t *testing.T) {
		content := pattern(100_000)
		request := head("POST", "/raw", "Transfer-Encoding: chunked", "Connection: close") + chunked(content, 7000)
		a, err := parsed(t, s.raw(t, request), "POST")
		require.NoError(t, err)
		assert.Equal(t, sha(content), decode[map[string]any](t, a)["sha256"])
	})
	t.Run("streams", func(t *testing.T) {
		a := s.client(t).get(t, "/stream?n=500")
		assert.Equal(t, 500, strings.Count(a.Body, "line "))
		assert.Empty(t, a.Header.Get("Content-Length"))
	})
	t.Run("sends a file", func(t *testing.T) {
		source, err := os.ReadFile(testdata(t) + "/djangoapp/views.py")
		require.NoError(t, err)
		a := s.client(t).get(t, "/file")
		assert.Equal(t, string(source), a.Body)
		assert.Equal(t, fmt.Sprint(len(source)), a.Header.Get("Content-Length"))
		assert.Contains(t, a.Header.Get("Content-Disposition"), "views.py")
	})
	t.Run("serves static files of its own and of the admin", func(t *testing.T) {
		c := s.client(t)
		own := c.get(t, "/static/djangoapp/style.css")
		assert.Equal(t, "body { color: navy; }\n", own.Body)
		assert.Equal(t, 304, c.get(t, "/static/djangoapp/style.css", "If-Modified-Since", own.Header.Get("Last-Modified")).Status)
		assert.Contains(t, c.get(t, "/static/admin/css/base.css").Body, "DJANGO Admin")
		assert.Equal(t, 404, c.get(t, "/static/nothing.css").Status)
	})
	t.Run("answers 500 to what a view raises, without details", func(t *testing.T) {
		a := s.client(t).get(t, "/raise")
		assert.Equal(t, 500, a.Status)
		assert.NotContains(t, a.Body, "secret")
	})
}

func TestDjangoWritesSqliteFromManyThreads(t *testing.T) {
	t.Parallel()
	const clients, each, threads = 16, 10, 8
	s := startDjango(t, "--threads", fmt.Sprint(threads))
	c := s.client(t)
	type added struct {
		ID                 int
		Thread, Connection uint64
	}
	answers := make(chan answer, clients*each)
	errs := make(chan error, clients*each)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for j := range each {
				form := strings.NewReader(url.Values{"text": {fmt.Sprintf("note %d.%d", i, j)}}.Encode())
				a, err := c.try("POST", "/notes/add", form, "Content-Type", "application/x-www-form-urlencoded")
				answers <- a
				errs <- err
			}
		})
	}
	wg.Wait()
	close(answers)
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	ids := map[int]bool{}
	connections := map[uint64]uint64{}
	for a := range answers {
		got := decode[added](t, a)
		ids[got.ID] = true
		if known, ok := connections[got.Thread]; ok {
			assert.Equal(t, known, got.Connection, "a thread must keep its database connection")
		}
		connections[got.Thread] = got.Connection
	}
	assert.Len(t, ids, clients*each, "every note has its own row")
	assert.LessOrEqual(t, len(connections), threads)
	notes := getJSON[map[string][]string](t, c, "/notes")["notes"]
	assert.Len(t, notes, clients*each)

	// Rows are read from the open cursor while they are sent, which sqlite allows on one thread only.
	streamed := c.get(t, "/stream/notes").Body
	assert.Equal(t, strings.Join(notes, "\n")+"\n", streamed)
}
