package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnImportThatTakesLongOrBecomesAServerIsToldOnce(t *testing.T) {
	until := filepath.Join(t.TempDir(), "until")
	servers := map[string]*server{}
	for name, flags := range map[string][]string{
		"one process": {"--workers", "0"}, "four workers": {"--workers", "4"}, "a zygote": {"--workers", "4", "--preload"}, "with --reload": {"--reload"},
	} {
		servers[name] = launch(t, "apps.waits_at_import:app", append(flags, "--env", "UNTIL="+until)...)
	}
	told := map[string]string{}
	for name, s := range servers {
		s.stderr.waitFor(t, regexp.MustCompile(`WARN  still importing apps.waits_at_import:app after 5 s at="\S*waits_at_import.py:\d+ in <module>"`))
		told[name] = s.stderr.waitFor(t, regexp.MustCompile(`has opened a server of its own on port (\d+): is app.run\(\) called at import\? Put it under if __name__ == "__main__"`))[1]
		assert.NotContains(t, s.stderr.String(), "ready on")
	}
	require.NoError(t, os.WriteFile(until, nil, 0o600))
	for name, s := range servers {
		s.waitUntilReady(t)
		assert.Equal(t, 1, strings.Count(s.stderr.String(), "after 5 s"), name)
		assert.Equal(t, 1, strings.Count(s.stderr.String(), "a server of its own"), name)
		if name == "one process" || name == "a zygote" { // where the import is the one that was told of
			assert.Equal(t, told[name], s.client(t).get(t, "/").Body, name)
		}
	}
}

func TestABannerSaysStartingAndTheAddressComesWithReady(t *testing.T) {
	s := start(t, "apps.demo", "--bind", "[::]:0")
	before, _, _ := strings.Cut(s.stderr.String(), "ready on")
	assert.Contains(t, before, "is starting apps.demo with")
	assert.NotContains(t, before, "http://")
	assert.NotContains(t, before, "serves")
	assert.Regexp(t, `^http://0\.0\.0\.0:\d+$`, s.URL)
}

// A mistake in a reload leaves those alone who serve.
func TestAReloadRefusesWhatHasBecomeNoApplication(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.py")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write("def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'served']\n")
	s := startService(t, "shop:app", "--pythonpath", dir)
	write("def app():\n    return 'a view'\n")
	code, _, _ := s.control(t, "reload")
	assert.Equal(t, 1, code)
	s.stderr.waitForText(t, "shop:app is a function of no arguments")
	assert.Equal(t, "served", s.client(t).get(t, "/").Body)
	s.stop(t)
}

func TestPathsThatAreNotUTF8AreServedFromByWorkersOfEveryKind(t *testing.T) {
	home := filepath.Join(t.TempDir(), "caf\xe9")
	library := filepath.Join(home, "lib\xff")
	require.NoError(t, os.MkdirAll(library, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(library, "part.py"), []byte("NAME = 'part'\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, "shop.py"), []byte(`
import os, sys, part
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"|".join([os.path.basename(os.getcwdb()), os.environb[b"VALUE"], os.fsencode(sys.argv[1]), os.fsencode(sys.argv[0])[-7:]])]
`), 0o600))
	for name, flags := range map[string][]string{
		"workers": {"--workers", "2"}, "a zygote's workers": {"--preload"}, "one process": {"--workers", "0"}, "with --reload": {"--reload"},
	} {
		t.Run(name, func(t *testing.T) {
			flags = append(flags, "--chdir", home, "--pythonpath", library, "--env", "VALUE=v\xfe")
			s := start(t, "argument\xfd", append(flags, "--bind", "127.0.0.1:0", "--", "shop:app")...)
			assert.Equal(t, "caf\xe9|v\xfe|argument\xfd|shop.py", s.client(t).get(t, "/").Body)
		})
	}
}
