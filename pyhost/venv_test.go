package pyhost_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/pyhost"
)

// makeVenv writes a virtual environment with the given pyvenv.cfg, for Python version minor ("3.11").
func makeVenv(t *testing.T, minor, config string) string {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "lib", "python"+minor), 0o755))
	require.NoError(t, os.Symlink(pyhost.BuildPython().Executable, filepath.Join(dir, "bin", "python")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), []byte(config), 0o644))
	return dir
}

func TestAVenvMustBeMadeByTheEmbeddedInstallation(t *testing.T) {
	embedded := pyhost.BuildPython()
	home := filepath.Dir(embedded.Executable)
	minor := strings.Join(strings.Split(embedded.Version, ".")[:2], ".")
	for _, test := range []struct {
		name, minor, config string
		refused             string // a part of the reason, "" when it is accepted
	}{
		{"made by venv", minor, "home = " + home + "\nversion = " + embedded.Version + "\n", ""},
		{"made by uv", minor, "home = " + home + "\nuv = 0.9\nversion_info = " + embedded.Version + "\n", ""},
		{"made by virtualenv", minor, "home = /nowhere\nbase-executable = " + embedded.Executable + "\n", ""},
		{"keys in other case", minor, "Home=" + home + "\n", ""},
		{"by another installation of the same version", minor, "home = /opt/python/bin\nversion = " + embedded.Version + "\n", "/opt/python/bin"},
		{"by another minor version", "3.4", "home = " + home + "\nversion = 3.4.0\n", "Python 3.4.0"},
		{"an empty configuration", minor, "", "Python unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := makeVenv(t, test.minor, test.config)
			err := pyhost.CheckVenv(dir, false)
			if test.refused == "" {
				assert.NoError(t, err)
				return
			}
			var refused *pyhost.VenvError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, dir, refused.Dir)
			assert.ErrorContains(t, err, test.refused)
			assert.ErrorContains(t, err, embedded.Executable)
			assert.NoError(t, pyhost.CheckVenv(dir, true), "--force goes on")
		})
	}
}

func TestAFolderThatIsNoVenvIsRefusedAlsoByForce(t *testing.T) {
	empty := t.TempDir()
	assert.ErrorContains(t, pyhost.CheckVenv(empty, true), "there is no virtual environment in "+empty)
	broken := makeVenv(t, "3.11", "home = /usr/bin\n")
	require.NoError(t, os.Remove(filepath.Join(broken, "bin", "python")))
	assert.ErrorContains(t, pyhost.CheckVenv(broken, true), "no working bin/python")
}

func TestTheToolThatMadeAVenvMakesItAgain(t *testing.T) {
	python, other := pyhost.BuildPython().Executable, t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "python3"), nil, 0o755))
	for _, test := range []struct {
		name, config, file, content string
		says                        []string
	}{
		{"venv", "", "", "", []string{"/bin/python -m pip freeze > installed.txt", python + " -m venv --clear ", "install -r installed.txt"}},
		{"virtualenv", "virtualenv = 20.26.0\n", "", "", []string{"pip freeze > installed.txt", "virtualenv --clear -p " + python + " "}},
		{"uv", "uv = 0.9.1\n", "", "", []string{"uv pip freeze -p ", "uv venv --clear -p " + python + " ", "uv pip install -r installed.txt -p "}},
		{"a uv project", "uv = 0.9.1\n", "../uv.lock", "", []string{"uv sync -p " + python}},
		{"pipenv", "virtualenv = 20.26.0\n", ".project", "/home/me/shop", []string{"pipenv --rm\n", "pipenv --python " + python + " install"}},
		{"pipenv in the project", "virtualenv = 20.26.0\n", "../Pipfile", "", []string{"pipenv --rm\n"}},
		{"poetry in the project", "virtualenv = 20.26.0\n", "../pyproject.toml", "[tool.poetry]\n",
			[]string{"rm -r ", "poetry env use " + python + "\n", "poetry install"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := makeVenv(t, "3.4", "home = "+other+"\nversion = 3.4.0\n"+test.config)
			inner := filepath.Join(dir, ".venv")
			require.NoError(t, os.Mkdir(inner, 0o755))
			for _, part := range []string{"bin", "lib", "pyvenv.cfg"} {
				require.NoError(t, os.Rename(filepath.Join(dir, part), filepath.Join(inner, part)))
			}
			if test.file != "" {
				require.NoError(t, os.WriteFile(filepath.Join(inner, test.file), []byte(test.content), 0o644))
			}
			err := pyhost.CheckVenv(inner, false)
			for _, text := range test.says {
				assert.ErrorContains(t, err, text)
			}
			assert.ErrorContains(t, err, "--force, at your own risk")
			assert.ErrorContains(t, err, "in pyserve's source folder:\n    make build PYTHON="+other+"/python3\n")
			for line := range strings.Lines(strings.NewReplacer(inner, "", other, "").Replace(err.Error())) {
				assert.Less(t, len(line), 130, "%q", line)
			}
		})
	}
}

func TestAnEnvironmentThatPoetryKeepsIsRemovedByPoetry(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pypoetry", "virtualenvs", "shop-x-py3.4")
	require.NoError(t, os.MkdirAll(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Rename(makeVenv(t, "3.4", "home = /opt/python/bin\nversion = 3.4.0\n"), dir))
	assert.ErrorContains(t, pyhost.CheckVenv(dir, false), "poetry env remove --all\n    poetry env use ")
}

func TestAVenvWhoseConfigurationIsAPipeIsRefusedAndNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pyvenv.cfg"), 0o600))
	assert.ErrorContains(t, pyhost.CheckVenv(dir, false), "is not a regular file")
}
