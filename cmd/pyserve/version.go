package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/pyserve/pyserve"
	"github.com/pyserve/pyserve/pyhost"
)

// versions is what --version prints.
func versions() string {
	python := pyhost.BuildPython()
	return fmt.Sprintf("pyserve %s\n%s %s/%s\nCPython %s (%s, %s)\ncpy3 %s",
		pyserve.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		python.Version, python.Executable, linking(python), moduleVersion("github.com/go-python/cpy3"))
}

func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == path {
				return module.Version
			}
		}
	}
	return "unknown"
}

// linking says how the server and the interpreter came together.
func linking(python pyhost.Python) string {
	if pyhost.Extension {
		return "pyserve is its extension module"
	}
	return "libpython linked " + python.Linking
}
