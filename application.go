package pyserve

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/nethttp"
	"github.com/pyserve/pyserve/httpserver/progress"
	"github.com/pyserve/pyserve/pyhost"
	"github.com/pyserve/pyserve/pyhost/importing"
)

// Application is an application that was imported: an [http.Handler].
type Application struct {
	rt      *Runtime
	handler httpserver.Handler
	engine  httpserver.Options
	http    http.Handler
	server  server
}

func (rt *Runtime) newApplication(a App, handler httpserver.Handler) *Application {
	engine := a.engine(rt.options, rt.host, rt.disk, rt.memory)
	return &Application{rt: rt, handler: handler, engine: engine, http: nethttp.NewHandler(handler, rt.threads, engine, rt.options.Limits)}
}

// Load imports an application. An exception of the import, and what is wrong with what App names, is an [*Error]. Two Django
// projects cannot be served by one process; the second is refused with the reason. When ctx is done before the import has
// ended, Load returns ctx.Err(); the import goes on, and the next Load waits for it.
func (rt *Runtime) Load(ctx context.Context, a App) (*Application, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	if err := httpserver.CheckSpoolDir(a.HTTP.SpoolDir); err != nil && a.HTTP.SpoolDir != "" {
		return nil, fmt.Errorf("spool folder: %w: give one that the application's user can write, or none", err)
	} else if err != nil {
		rt.options.Log.Warn("large requests and responses will fail: no temporary file can be made; set TMPDIR, or the option, to a directory that can be written", "option", "SpoolDir", "error", err)
	}
	builder, err := a.builder(rt.options)
	if err != nil {
		return nil, err
	}
	var app *pyhost.App
	defer rt.watchImport(a.Name)()
	if err := rt.order(ctx, func() {
		if app, err = rt.host.Load(a.Name); err == nil {
			err = rt.startThreads()
		}
	}, rt.closing); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	return rt.newApplication(a, rt.progress.For(gateway.NewHandler(app, builder, rt.options.Threads, a.gateway(rt.options)))), nil
}

// watchImport says where an import is that takes long, until stop is called.
func (rt *Runtime) watchImport(name string) (stop func()) {
	if rt.options.Process.QuietImport {
		return func() {}
	}
	watch := importing.Watch{Name: name, PID: os.Getpid(), Stack: func() string { return rt.stack(0) }, Log: rt.options.Log}
	return watch.Begin()
}

// startThreads starts the threads for requests, once. It is called on Python's main thread when the import is over: an
// application may fork or patch threading while it is imported.
func (rt *Runtime) startThreads() error {
	if rt.threaded {
		return nil
	}
	if err := rt.host.StartThreads(func(thread int) { rt.threads.Work(thread, nil) }); err != nil {
		return err
	}
	rt.threaded = true
	rt.watchRequests()
	return nil
}

// ServeHTTP has the application answer a request of an HTTP server. SCRIPT_NAME and PATH_INFO are made of r.RequestURI, which
// [http.StripPrefix] and the like do not change: App.Mount says under which path the application is. A request that cannot be
// answered in full ends in panic(http.ErrAbortHandler), as net/http wants it.
func (a *Application) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.http.ServeHTTP(w, r) }

// EndRequests is for the end of a graceful time-out: what waits for a thread is refused with 503, and what is in the
// application is ended. Its clients get 503 or see the answer break off, and pyserve.ServerShutdown, which derives from
// pyserve.RequestTimeout, is raised in its threads, so that `finally` and close() run. It returns when there is no request
// left in the application, or ctx is done. Threads that wait for a client are the engine's to end.
func (a *Application) EndRequests(ctx context.Context) {
	a.rt.threads.RefuseQueued()
	a.rt.progress.EndRequests(ctx, progress.Options{
		Dump: a.rt.stack, Running: a.rt.host.Running, Interrupt: a.rt.host.InterruptForShutdown, Log: a.rt.options.Log,
	})
}

// Get has the application answer a GET of target, a path with or without a query, and returns the status. No client
// and no access log see it.
func (a *Application) Get(target string) (status int, err error) {
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		return 0, err
	}
	request := &http.Request{
		Method: http.MethodGet, URL: parsed, RequestURI: target, Host: "localhost", RemoteAddr: "127.0.0.1:0",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody,
	}
	options := a.engine
	options.AccessLog = nil
	answer := &discarded{header: http.Header{}}
	defer func() {
		if p := recover(); p != nil && err == nil { // http.ErrAbortHandler: it was cut off
			err = fmt.Errorf("there was no complete answer: %v", p)
		}
	}()
	nethttp.NewHandler(a.handler, a.rt.threads, options, a.rt.options.Limits).ServeHTTP(answer, request)
	return answer.status, nil
}

// discarded is an http.ResponseWriter that keeps the status only.
type discarded struct {
	header http.Header
	status int
	bytes.Buffer
}

func (d *discarded) Header() http.Header { return d.header }

func (d *discarded) WriteHeader(status int) {
	if d.status == 0 {
		d.status = status
	}
}

func (d *discarded) Write(p []byte) (int, error) {
	d.WriteHeader(http.StatusOK)
	return len(p), nil
}
