package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// needWheel returns the interpreter of the environment that the wheel is installed in.
func needWheel(t *testing.T) (python string) {
	t.Helper()
	if !isScript(t) {
		t.Skip("the program is the executable")
	}
	return filepath.Join(need(t, "PYSERVE_VENV"), "bin", "python")
}

const showsFlags = `
import os, sys
def app(environ, start_response):
    start_response("200 OK", [])
    flags = sys.flags
    return ["\n".join([sys.executable, sys.prefix, str(flags.optimize), str(flags.dev_mode), os.environ["SHOP"], str(sys.argv[1:])]).encode()]
`

func TestTheInterpretersOptionsAndEnvironmentAreThoseOfAllProcesses(t *testing.T) {
	python := needWheel(t)
	t.Parallel()
	for _, flags := range [][]string{{}, {"--preload"}, {"--workers", "0"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "shows.py"), []byte(showsFlags), 0o600))
			args := append([]string{"-X", "dev", "-O", "-W", "error::UserWarning", "-m", "pyserve", "--bind", "127.0.0.1:0", "--chdir", dir, "--env", "SHOP=open"}, flags...)
			cmd := exec.Command(python, append(args, "shows:app", "--", "one")...)
			cmd.Env = append(environment(), "PYTHONFAULTHANDLER=1")
			s := runServer(t, cmd)
			s.waitUntilReady(t)
			prefix := filepath.Dir(filepath.Dir(python))
			assert.Equal(t, strings.Join([]string{python, prefix, "1", "True", "open", "['one']"}, "\n"), s.client(t).get(t, "/").Body)
		})
	}
}

func TestAnotherEnvironmentThanThatOfTheWheelIsRefused(t *testing.T) {
	needWheel(t)
	t.Parallel()
	s := runServer(t, command(t, need(t, "PYSERVE_BIN"), nil, "flaskapp:app", "--venv", t.TempDir()))
	assert.Equal(t, 2, s.exitCode(t))
	assert.Contains(t, s.stderr.String(), "pip install pyserve-wsgi")
}

func TestImportingThePackageStartsNothing(t *testing.T) {
	python := needWheel(t)
	t.Parallel()
	output, err := exec.Command(python, "-c", "import sys, pyserve; print(pyserve.__version__, 'pyserve._engine' in sys.modules)").CombinedOutput()
	require.NoError(t, err, string(output))
	assert.Regexp(t, `^\d+\.\d+\.\d+ False\n$`, string(output))
}
