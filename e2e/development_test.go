//go:build linux

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReloadFollowsTheSourcesOfTheApplication(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	view := func(expression string) {
		write("shop.py", "import helper\n\ndef app(environ, start_response):\n    start_response('200 OK', [])\n    return [("+expression+").encode()]\n")
	}
	write("helper.py", "greeting = 'hello'\n")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "templates"), 0o755))
	write("templates/page.html", "first")
	view("helper.greeting")
	s := start(t, "shop:app", "--chdir", dir, "--reload")
	comes := func(status int, text string) {
		t.Helper()
		var a answer
		require.Eventually(t, func() bool {
			a = s.client(t).get(t, "/") // the listener never closes: each of these must be answered
			return a.Status == status
		}, patience, 20*time.Millisecond)
		require.Eventually(t, func() bool {
			a = s.client(t).get(t, "/")
			return a.Status == status && strings.Contains(a.Body, text)
		}, patience, 20*time.Millisecond, "%q does not come, but %q", text, a.Body)
	}
	comes(200, "hello")

	view("helper.greeting + ' and goodbye'")
	comes(200, "hello and goodbye")

	write("helper.py", "greeting = 'welcome'\n")
	comes(200, "welcome and goodbye")

	view("open('templates/page.html').read()")
	comes(200, "first")
	before := s.stderr.String()
	write("templates/page.html", "second")
	comes(200, "second")
	s.stderr.waitForText(t, "file=templates/page.html")
	assert.NotContains(t, before, "file=templates/page.html")

	write("shop.py", "def app(:\n")
	comes(500, "SyntaxError")
	s.stderr.waitForText(t, "SyntaxError")
	view("helper.greeting")
	comes(200, "welcome")
}
