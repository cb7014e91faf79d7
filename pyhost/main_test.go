package pyhost_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/httpserver/nethttp"
	"github.com/pyserve/pyserve/pyhost"
	_ "github.com/pyserve/pyserve/pyhost/prestart" // as in the command
)

// threads is the number of threads for requests that the tests share.
const threads = 4

// The process's Python: it can be started only once, so all tests share it.
var (
	host       *pyhost.Host
	dispatcher = nethttp.NewDispatcher(1024)
	onMain     = make(chan func())
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	apps, err := filepath.Abs("../testdata/apps")
	if err != nil {
		panic(err)
	}
	started, ended := make(chan error), make(chan error, 1)
	err = pyhost.Go(func() {
		var err error
		host, err = pyhost.Start(pyhost.Config{
			Dir: apps, Venv: os.Getenv("PYSERVE_VENV"), Threads: threads, Variables: environ.Keys,
			PythonPath: []string{"/nowhere/first", "/nowhere/second"}, CrashFile: crashFile(),
			Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
		started <- err
		if err != nil {
			return
		}
		for f := range onMain {
			f()
		}
		ended <- host.RunExitFunctions()
	})
	if err == nil {
		err = <-started
	}
	if err == nil {
		err = host.StartThreads(func(thread int) { dispatcher.Work(thread, nil) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	dispatcher.Close()
	host.WaitThreads()
	close(onMain)
	if err := <-ended; err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// loadApp imports an application on Python's main thread.
func loadApp(t testing.TB, spec string) *pyhost.App {
	t.Helper()
	app, err := tryLoad(spec)
	require.NoError(t, err)
	return app
}

func tryLoad(spec string) (app *pyhost.App, err error) {
	done := make(chan struct{})
	onMain <- func() {
		defer close(done)
		app, err = host.Load(spec)
	}
	<-done
	return app, err
}

// onThread runs f on one of the Python threads.
func onThread(t testing.TB, f func(thread int)) {
	t.Helper()
	_, err := dispatcher.Do(context.Background(), f)
	require.NoError(t, err)
}
