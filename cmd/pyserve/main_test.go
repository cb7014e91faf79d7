package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pyserve/pyserve/pyhost"
)

// The test binary is the program: scripts run it as pyserve.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pyserve": main})
}

func TestCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PYTHON", pyhost.BuildPython().Executable)
			env.Setenv("PYTHONDONTWRITEBYTECODE", "1")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"listen": listenCommand,
			"venv":   venvCommand,
		},
		RequireExplicitExec: true,
	})
}

// listenCommand is `listen NAME`: something listens, and $NAME is where; `listen NAME PATH` does so on a unix
// socket.
func listenCommand(ts *testscript.TestScript, _ bool, args []string) {
	network, address := "tcp", "127.0.0.1:0"
	if len(args) == 2 {
		network, address = "unix", ts.MkAbs(args[1])
	}
	l, err := net.Listen(network, address)
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// venvCommand is `venv DIR`: an empty virtual environment made by the embedded Python.
func venvCommand(ts *testscript.TestScript, _ bool, args []string) {
	make := exec.Command(pyhost.BuildPython().Executable, "-m", "venv", "--without-pip", ts.MkAbs(args[0]))
	make.Stderr = os.Stderr
	ts.Check(make.Run())
}
