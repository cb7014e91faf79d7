package pyhost

/*
#include "shim.h"
*/
import "C"

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Python names a Python installation.
type Python struct {
	// Executable is the path of its interpreter.
	Executable string
	// Version is "3.11.2".
	Version string
	// Linking is "static" or "shared": how libpython is linked in.
	Linking string
}

// BuildPython returns the Python that this program embeds. It can be called at any time.
func BuildPython() Python {
	version, _, _ := strings.Cut(C.GoString(C.ps_python_version()), " ")
	return Python{
		Executable: C.GoString(C.ps_python_executable()),
		Version:    strings.TrimSuffix(version, "+"),
		Linking:    C.GoString(C.ps_python_linking()),
	}
}

// minor returns "3.11".
func (p Python) minor() string {
	parts := strings.SplitN(p.Version, ".", 3)
	return strings.Join(parts[:min(len(parts), 2)], ".")
}

// VenvError says why a virtual environment cannot be used, and what to do.
type VenvError struct {
	Dir    string
	Reason string
}

func (e *VenvError) Error() string { return e.Reason }

// CheckVenv reports whether the virtual environment in dir was made by the Python installation that this
// program embeds: another one, of the same version even, has other extension modules in its standard
// library, and fails at an import much later. With force only what cannot work at all is an error. The
// error is a [*VenvError].
func CheckVenv(dir string, force bool) error {
	if Extension {
		return checkLentVenv(dir)
	}
	embedded := BuildPython()
	config, err := readVenvConfig(filepath.Join(dir, "pyvenv.cfg"))
	if err != nil {
		return &VenvError{dir, noEnvironment(dir, err, embedded)}
	}
	if _, err := os.Stat(venvPython(dir)); err != nil {
		return &VenvError{dir, fmt.Sprintf("the virtual environment %s has no working bin/python (%v).\n%s", dir, err,
			strings.TrimRight(remaking(dir, config, embedded.Executable, false), "\n"))}
	}
	if force {
		return nil
	}
	maker, same := config.maker(embedded)
	if _, err := os.Stat(filepath.Join(dir, "lib", "python"+embedded.minor())); err == nil && same {
		return nil
	}
	return &VenvError{dir, refusal(dir, maker, config, embedded)}
}

func venvPython(dir string) string { return filepath.Join(dir, "bin", "python") }

// venvConfig is a pyvenv.cfg.
type venvConfig map[string]string

const maxVenvConfig = 64 << 10 // bytes

func readVenvConfig(path string) (venvConfig, error) {
	// Root may read it in a folder of the application's user, who must not make it wait: no FIFO, and no file without end.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a regular file", path))
	}
	config := venvConfig{}
	for lines := bufio.NewScanner(io.LimitReader(f, maxVenvConfig)); lines.Scan(); {
		if key, value, found := strings.Cut(lines.Text(), "="); found {
			config[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return config, nil
}

// version is under another key in each tool: venv's, and that of uv and virtualenv.
func (c venvConfig) version() string {
	for _, key := range []string{"version", "version_info"} {
		if c[key] != "" {
			return c[key]
		}
	}
	return "unknown"
}

// maker returns the interpreter that made the environment, and whether it is the embedded one. If that is
// not on this machine, as in a container that has only the library, equal versions have to do.
func (c venvConfig) maker(embedded Python) (path string, same bool) {
	candidates := []string{c["executable"], c["base-executable"]}
	for _, name := range []string{"python" + embedded.minor(), "python3", "python"} {
		candidates = append(candidates, filepath.Join(c["home"], name))
	}
	mine, err := os.Stat(embedded.Executable)
	if err != nil {
		return c["home"], c.version() == embedded.Version
	}
	for _, candidate := range candidates {
		info, err := os.Stat(candidate)
		if candidate == "" || err != nil {
			continue
		}
		if path == "" {
			path = candidate
		}
		if os.SameFile(mine, info) {
			return candidate, true
		}
	}
	if path == "" {
		path = c["home"]
	}
	return path, false
}
