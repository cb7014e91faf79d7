package pyhost

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// refusal says that another installation made the environment, and what to do.
func refusal(dir, maker string, config venvConfig, embedded Python) string {
	var text strings.Builder
	fmt.Fprintf(&text, "the virtual environment %s does not fit this pyserve:\n", dir)
	fmt.Fprintf(&text, "  it was made by  %s (Python %s)\n", maker, config.version())
	fmt.Fprintf(&text, "  pyserve embeds  %s (Python %s)\n", embedded.Executable, embedded.Version)
	text.WriteString("Do one of these:\n")
	text.WriteString(remaking(dir, config, embedded.Executable, true))
	if info, err := os.Stat(maker); err == nil && info.Mode().IsRegular() { // it may be gone
		fmt.Fprintf(&text, "- Or build pyserve for the other Python, in pyserve's source folder:\n    make build PYTHON=%s\n", maker)
	}
	text.WriteString("- Or use it as it is, with --force, at your own risk: modules written in C, such as ssl or sqlite3, may\n" +
		"  fail at an import, or crash, long after the start.")
	return text.String()
}

// remaking says how to make an environment again, by the tool that made it: removing and installing what is in it, which
// is there to be listed first unless its Python is gone.
func remaking(dir string, config venvConfig, python string, works bool) string {
	project := filepath.Dir(dir)
	switch {
	case config["uv"] != "" && anyFile(project, "uv.lock"):
		return fmt.Sprintf("- Make it again, in the project's folder, where uv installs its packages again:\n    uv sync -p %s\n", python)
	case madeByPoetry(dir, project):
		remove := "poetry env remove --all"
		if anyFile(project, "pyproject.toml") {
			remove = "rm -r " + dir
		}
		return fmt.Sprintf("- Make it again, in the project's folder (`poetry env use` alone keeps one of the same version):\n"+
			"    %s\n    poetry env use %s\n    poetry install\n", remove, python)
	case os.Getenv("PIPENV_ACTIVE") != "" && os.Getenv("VIRTUAL_ENV") == dir || anyFile(dir, ".project") || anyFile(project, "Pipfile"):
		return fmt.Sprintf("- Make it again, in the project's folder:\n    pipenv --rm\n    pipenv --python %s install\n", python)
	}
	pip, create := filepath.Join(dir, "bin", "python")+" -m pip %s", python+" -m venv --clear "+dir
	if config["uv"] != "" {
		pip, create = "uv pip %s -p "+dir, "uv venv --clear -p "+python+" "+dir
	} else if config["virtualenv"] != "" {
		create = "virtualenv --clear -p " + python + " " + dir
	}
	if !works {
		return fmt.Sprintf("- Make it again, and install the packages again:\n    %s\n", create)
	}
	return fmt.Sprintf("- Make it again. That removes the packages that are installed in it, so list them first:\n    %s > installed.txt\n    %s\n    %s\n",
		fmt.Sprintf(pip, "freeze"), create, fmt.Sprintf(pip, "install -r installed.txt"))
}

func madeByPoetry(dir, project string) bool {
	if strings.Contains(dir, "/pypoetry/") || os.Getenv("POETRY_ACTIVE") != "" && os.Getenv("VIRTUAL_ENV") == dir {
		return true
	}
	text, _ := os.ReadFile(filepath.Join(project, "pyproject.toml"))
	return anyFile(project, "poetry.lock") || bytes.Contains(text, []byte("[tool.poetry"))
}

// noEnvironment says what is there instead, and what to do.
func noEnvironment(dir string, cause error, embedded Python) string {
	switch above := filepath.Dir(filepath.Clean(dir)); {
	case anyFile(dir, "conda-meta"):
		return fmt.Sprintf("%s is a conda environment, which has a Python installation of its own: build pyserve for it, in pyserve's source folder:\n"+
			"    make build PYTHON=%s", dir, filepath.Join(dir, "bin", "python"))
	case anyFile(above, "pyvenv.cfg"):
		return fmt.Sprintf("%s is a folder in a virtual environment: name the environment itself, %s", dir, above)
	case anyFile(filepath.Dir(above), "pyvenv.cfg"):
		return fmt.Sprintf("%s is a file of a virtual environment: name the environment itself, %s", dir, filepath.Dir(above))
	}
	return fmt.Sprintf("there is no virtual environment in %s (%v): make one with %s -m venv %s", dir, cause, embedded.Executable, dir)
}

func anyFile(folder, name string) bool {
	_, err := os.Stat(filepath.Join(folder, name))
	return err == nil
}
