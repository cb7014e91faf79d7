package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pythonIn returns the command that runs the wheel's interpreter in a folder that has these files.
func pythonIn(t *testing.T, files map[string]string, args ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	cmd := exec.Command(needWheel(t), args...)
	cmd.Dir, cmd.Env = dir, environment()
	return cmd
}

// outputOf runs cmd to its end, which must succeed.
func outputOf(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return string(output)
}

const servingScript = `
import atexit, os, sys, pyserve
def app(environ, start_response):
    start_response("200 OK", [])
    return [repr([sys.argv, sys.modules["__main__"].__file__, __name__, os.getpid() == started]).encode()]
if __name__ == "__main__":
    started = os.getpid()
    atexit.register(print, "the end")
    pyserve.run(app, bind=["127.0.0.1:0"], threads=3, access_log=None, debug=False)
`

func TestAScriptServesItsApplication(t *testing.T) {
	needWheel(t)
	t.Parallel()
	s := runServer(t, pythonIn(t, map[string]string{"serve.py": servingScript}, "serve.py", "--one"))
	s.waitUntilReady(t)
	assert.Equal(t, "[['serve.py', '--one'], '"+filepath.Join(s.cmd.Dir, "serve.py")+"', '__main__', True]", s.client(t).get(t, "/").Body)
	s.stop(t)
	assert.Equal(t, "the end\n", s.stdout.String())
	assert.Contains(t, s.stderr.String(), "with 3 threads")
}

const becomingScript = `
import os, sys
def app(environ, start_response):
    start_response("200 OK", [])
    return [repr([sys.flags.optimize, os.getppid() == int(os.environ["STARTED"])]).encode()]
if __name__ == "__main__":
    import pyserve
    os.environ["STARTED"] = str(os.getpid())
    print("becomes", end="")
    pyserve.run("serve:app", bind="127.0.0.1:0", workers=1)
`

func TestAScriptThatNamesItsApplicationBecomesTheCommand(t *testing.T) {
	needWheel(t)
	t.Parallel()
	s := runServer(t, pythonIn(t, map[string]string{"serve.py": becomingScript}, "-O", "serve.py"))
	s.waitUntilReady(t)
	assert.Equal(t, "[1, True]", s.client(t).get(t, "/").Body)
	s.stop(t)
	assert.Equal(t, "becomes", s.stdout.String())
}

const refusedRuns = `
import threading, pyserve
def app(environ, start_response): pass
def attempt(**options):
    try:
        pyserve.run(app, **options)
    except Exception as error:
        print(type(error).__name__, error)
attempt(workers=2)
attempt(reload=True)
thread = threading.Thread(target=attempt)
thread.start()
thread.join()
`

func TestARunThatCannotBeIsRefused(t *testing.T) {
	needWheel(t)
	t.Parallel()
	lines := strings.Split(outputOf(t, pythonIn(t, nil, "-c", refusedRuns)), "\n")
	require.Len(t, lines, 4)
	assert.Regexp(t, `^ValueError .*workers.*give its name, such as "shop:app"`, lines[0])
	assert.Regexp(t, `^ValueError .*reload`, lines[1])
	assert.Regexp(t, `^RuntimeError .*main thread`, lines[2])
}

const testingScript = `
import gc, sys, urllib.request, warnings
import pyserve.testing
warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads
found = ["before"]
def app(environ, start_response):
    start_response("200 OK", [])
    found.append("by a request")
    return [" ".join(found).encode()]
def get(url):
    with urllib.request.urlopen(url + "/page") as answer:
        return answer.read().decode()
with pyserve.testing.serve(app) as url, pyserve.testing.serve(app, threads=1) as other:
    print(get(url), "|", get(other), "|", url != other)
with pyserve.testing.serve("named:app", workers=1) as url:
    print(get(url))
print(found)
for wrong in [dict(application="missing:app"), dict(application=app, threadz=1), dict(application=lambda request: None), dict(application=app, workers=2)]:
    try:
        with pyserve.testing.serve(**wrong):
            print("it is served")
    except RuntimeError as error:
        print(error)
try:
    with pyserve.testing.serve(app) as url:
        raise KeyError("a test that fails")
except KeyError:
    pass
try:
    get(url)
except OSError:
    print("it is gone")
`

func TestATestHasAServer(t *testing.T) {
	needWheel(t)
	t.Parallel()
	named := "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'named']\n"
	cmd := pythonIn(t, map[string]string{"test_it.py": testingScript, "named.py": named}, "test_it.py")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	failed := "pyserve has not started (exit code %): its messages are on standard error\n"
	assert.Equal(t, "before by a request | before by a request | True\nnamed\n['before']\n"+
		strings.ReplaceAll(failed, "%", "1")+strings.ReplaceAll(failed, "%", "2")+strings.ReplaceAll(failed+failed, "%", "1")+"it is gone\n",
		string(output))
	for _, message := range []string{"missing", "threadz", "is a function of (request)", "give its name"} {
		assert.Contains(t, stderr.String(), message)
	}
}

const catches = `
import pyserve, time
def app(environ, start_response):
    try:
        while True:
            time.sleep(0.01)
    except pyserve.RequestTimeout as error:
        print("caught", type(error) is pyserve.RequestTimeout, flush=True)
        raise
`

func TestAnApplicationNamesTheExceptionsByThePackage(t *testing.T) {
	needWheel(t)
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "catches.py"), []byte(catches), 0o600))
	for _, flags := range [][]string{{}, {"--preload"}} {
		s := start(t, "catches:app", append(flags, "--chdir", dir, "--timeout", "300ms")...)
		assert.Equal(t, 504, s.client(t).get(t, "/").Status)
		s.stop(t)
		assert.Contains(t, s.stdout.String(), "caught True\n")
	}
}

func TestFlaskHasACommand(t *testing.T) {
	python := needWheel(t)
	t.Parallel()
	shop := "import flask\ndef create_app(name='none'):\n    app = flask.Flask(name)\n    app.add_url_rule('/', 'index', lambda: '%s %s' % (name, app.debug))\n    return app\n"
	cmd := pythonIn(t, map[string]string{"shop.py": shop}, "-m", "flask", "--app", "shop:create_app('toys')", "--debug", "pyserve", "--bind", "127.0.0.1:0")
	cmd.Path = python
	s := runServer(t, cmd)
	s.waitUntilReady(t)
	assert.Equal(t, "toys True", s.client(t).get(t, "/").Body)
	path := filepath.Join(cmd.Dir, "shop.py")
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(shop, "%s %s", "new %s %s")), 0o600))
	require.Eventually(t, func() bool { return s.client(t).get(t, "/").Body == "new toys True" }, patience, 20*time.Millisecond)
}

func TestDjangosRunserverIsPyserve(t *testing.T) {
	python := needWheel(t)
	t.Parallel()
	dir := t.TempDir()
	create := exec.Command(python, "-m", "django", "startproject", "site1", dir)
	create.Env = environment()
	outputOf(t, create)
	settings := filepath.Join(dir, "site1", "settings.py")
	text, err := os.ReadFile(settings)
	require.NoError(t, err)
	text = []byte(strings.Replace(string(text), "INSTALLED_APPS = [", "INSTALLED_APPS = ['pyserve.django',", 1))
	require.NoError(t, os.WriteFile(settings, text, 0o600))
	for _, flags := range [][]string{{}, {"--noreload", "--nothreading", "--nostatic"}} {
		cmd := exec.Command(python, append([]string{filepath.Join(dir, "manage.py"), "runserver", "127.0.0.1:0"}, flags...)...)
		cmd.Dir, cmd.Env = t.TempDir(), environment() // the project is found by manage.py's folder
		s := runServer(t, cmd)
		s.waitUntilReady(t)
		assert.Contains(t, s.client(t).get(t, "/").Body, "The install worked successfully!")
		static := s.client(t).get(t, "/static/admin/css/base.css").Status
		if len(flags) == 0 {
			assert.Equal(t, 200, static)
			assert.Contains(t, s.stdout.String(), "System check identified no issues")
		} else {
			assert.Equal(t, 404, static)
			assert.Contains(t, s.stderr.String(), "with 1 worker of 1 thread")
		}
		s.stop(t)
	}
}
