package main

import (
	"fmt"
	"os"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/process"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/systemd"
	"github.com/pyserve/pyserve/pyhost"
)

// serveUnderInit runs this command once more, as a child, if this process is the one that orphans come to: Python must not
// share a process with something that waits for every child, and a master has better things to do. It returns the exit
// code, and false if there is no need of it.
func serveUnderInit(app string) (code int, done bool) {
	if !process.NeedsInit() {
		return 0, false
	}
	pyhost.SetTitle(fmt.Sprintf("pyserve: init [%s]", app))
	environment, descriptors := systemd.ForMain(started.environment, os.Getpid())
	code, err := process.Init(process.Command{
		Path: running(), Args: os.Args, Env: append(environment, initVariable+"=1"),
	}, descriptors)
	if err != nil {
		return failure(err), true
	}
	return code, true
}

// initVariable tells the child of serveUnderInit what it is.
const initVariable = "PYSERVE_INIT"

// noteInit is called before anything else looks at the environment.
func noteInit() {
	if os.Getenv(initVariable) != "" {
		started.underInit = true
		os.Unsetenv(initVariable)
		systemd.BecomeMain()
	}
}
