//go:build cgo

package zygote_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/nethttp"
	"github.com/pyserve/pyserve/pyhost"
	_ "github.com/pyserve/pyserve/pyhost/prestart"
)

// The test binary is the master, the zygote, and the worker. Python's main thread is the process's.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	role, isWorker := os.LookupEnv("PYSERVE_WORKER")
	if !isWorker {
		os.Exit(m.Run())
	}
	os.Unsetenv("PYSERVE_WORKER")
	if err := work(role); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// pythonConfig is the same in the master and in the worker, as the command's flags are.
func pythonConfig() pyhost.Config {
	threads, _ := strconv.Atoi(os.Getenv("PYSERVE_TEST_THREADS"))
	testdata, err := filepath.Abs("../../testdata")
	if err != nil {
		panic(err)
	}
	return pyhost.Config{
		Dir: testdata, PythonPath: []string{filepath.Join(testdata, "apps")}, Venv: os.Getenv("PYSERVE_VENV"),
		Argv: []string{"pyserve", "an argument"}, Threads: threads, Variables: environ.Keys,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// work answers requests over the descriptor that role names, one packet each: a path, and the response's content. It
// says once that it is ready.
func work(role string) error {
	started := time.Now()
	fd, err := strconv.Atoi(role)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), "control")
	control, err := net.FileConn(file)
	if err != nil {
		return err
	}
	file.Close()
	host, err := pyhost.Start(pythonConfig())
	if err != nil {
		return err
	}
	app, err := host.Load(os.Getenv("PYSERVE_TEST_APP"))
	if err != nil {
		return err
	}
	threads := nethttp.NewDispatcher(16)
	if err := host.StartThreads(func(thread int) { threads.Work(thread, nil) }); err != nil {
		return err
	}
	builder, err := environ.NewBuilder(environ.Config{})
	if err != nil {
		return err
	}
	handler := gateway.NewHandler(app, builder, host.Threads(), gateway.Options{})
	go func() {
		defer threads.Close()
		answer(control, threads, handler)
	}()
	fmt.Fprintf(control, "ready after %s", time.Since(started))
	if host.Threads() == 1 {
		threads.Work(0, nil)
	}
	host.WaitThreads()
	return host.RunExitFunctions()
}

// answer returns when the master is gone.
func answer(control net.Conn, threads httpserver.Threads, handler *gateway.Handler) {
	buffer := make([]byte, 1024)
	for {
		n, err := control.Read(buffer)
		if err != nil {
			return
		}
		var content response
		_, err = threads.Do(context.Background(), func(thread int) {
			handler.Serve(thread, &content, &httpserver.Request{
				ID: "1", Method: []byte("GET"), Target: buffer[:n], Proto: "HTTP/1.1", Scheme: "http", Body: strings.NewReader(""),
				Fields: []httpserver.Field{{Name: []byte("Host"), Value: []byte("localhost")}},
			})
		})
		if err != nil {
			return
		}
		control.Write([]byte(content.String()))
	}
}

// response keeps the content of one.
type response struct{ strings.Builder }

func (*response) WriteHead(*httpserver.Head) error { return nil }
func (*response) Abort()                           {}
func (*response) Disconnected() bool               { return false }

func (r *response) Write(p []byte) error {
	r.Builder.Write(p)
	return nil
}

func (*response) SendFile(f *os.File, _, _ int64) error { return f.Close() }
