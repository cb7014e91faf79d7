package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// releases is a folder with releases of an application and a link to the current one, as deployment tools make it.
type releases struct{ dir, current string }

func newReleases(t *testing.T) releases {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	r := releases{dir, filepath.Join(dir, "current")}
	for _, release := range []string{"one", "two"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, release, "lib"), 0o755))
		r.write(t, release, "shop.py", `
import json, os, sys
import shoplib

def app(environ, start_response):
    import late
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"Version": "`+release+`", "Lib": shoplib.VERSION, "Late": late.VERSION, "Cwd": os.getcwd(),
                        "Path": sys.path[0], "PID": os.getpid()}).encode()]
`)
		r.write(t, release, "lib/shoplib.py", "VERSION = '"+release+"'\n")
		r.write(t, release, "late.py", "VERSION = '"+release+"'\n")
	}
	r.link(t, "one")
	return r
}

func (r releases) write(t *testing.T, release, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, release, name), []byte(text), 0o644))
}

// link makes a release the current one, in one step.
func (r releases) link(t *testing.T, release string) {
	t.Helper()
	require.NoError(t, os.Symlink(release, r.current+".new"))
	require.NoError(t, os.Rename(r.current+".new", r.current))
}

type served struct {
	Version, Lib, Late, Cwd, Path string
	PID                           int
}

// of is what a process of a release answers.
func (r releases) of(release string, pid int) served {
	dir := filepath.Join(r.dir, release)
	return served{release, release, release, dir, dir, pid}
}

func TestAReloadFollowsALinkToTheNewReleaseAndNothingElseDoes(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T, r releases, flags ...string) *service{
		"named by --chdir": func(t *testing.T, r releases, flags ...string) *service {
			return startService(t, "shop:app", append(flags, "--chdir", r.current, "--pythonpath", filepath.Join(r.current, "lib"))...)
		},
		"entered by cd": func(t *testing.T, r releases, flags ...string) *service {
			s := &service{program: need(t, "PYSERVE_BIN"), pidFile: filepath.Join(t.TempDir(), "pid")}
			t.Cleanup(func() { s.killAll(t) })
			cmd := exec.Command(s.program, append(flags, "--pid-file", s.pidFile, "--venv", need(t, "PYSERVE_VENV"),
				"--bind", "127.0.0.1:0", "--pythonpath", "lib", "shop:app")...)
			cmd.Dir, cmd.Env = r.current, append(environment(), "PWD="+r.current)
			s.server = runServer(t, cmd)
			s.waitUntilServing(t)
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachBirth(t, func(t *testing.T, flags ...string) {
				r := newReleases(t)
				s := start(t, r, append(flags, "--threads", "2")...)
				first := s.status(t).pids()
				r.link(t, "two") // what is imported late is of the old release, too
				assert.Equal(t, r.of("one", first[0]), ask[served](t, s, "/"))
				require.NoError(t, killHard(first[0]))
				second := s.waitForReplaced(t, first...).pids()
				assert.Equal(t, r.of("one", second[0]), ask[served](t, s, "/"), "a worker that is replaced is of the generation's release")

				s.reload(t)
				third := s.waitForReplaced(t, second...).pids()
				assert.Equal(t, r.of("two", third[0]), ask[served](t, s, "/"))
				s.stderr.waitForText(t, "the code is in other folders now")

				require.NoError(t, os.RemoveAll(filepath.Join(r.dir, "two")))
				require.NoError(t, os.Remove(r.current))
				code, _, _ := s.control(t, "reload")
				assert.Equal(t, 1, code)
				s.stderr.waitForText(t, "is not there any more")
			})
		})
	}
}

func TestAnApplicationNamedByItsFileIsOfTheGenerationsReleaseToo(t *testing.T) {
	t.Parallel()
	eachBirth(t, func(t *testing.T, flags ...string) {
		r := newReleases(t)
		s := startService(t, filepath.Join(r.current, "shop.py")+":app", append(flags, "--threads", "2", "--pythonpath", filepath.Join(r.current, "lib"))...)
		first := s.status(t).pids()
		r.link(t, "two")
		require.NoError(t, killHard(first[0]))
		second := s.waitForReplaced(t, first...).pids()
		got := ask[served](t, s, "/")
		assert.Equal(t, []string{"one", "one", "one"}, []string{got.Version, got.Lib, got.Late}, "a worker that is replaced is of the old one")
		s.reload(t)
		s.waitForReplaced(t, second...)
		got = ask[served](t, s, "/")
		assert.Equal(t, []string{"two", "two", "two"}, []string{got.Version, got.Lib, got.Late})
	})
}
