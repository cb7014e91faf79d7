package pyserve

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
	"github.com/pyserve/pyserve/pyhost"
)

// Version is pyserve's.
const Version = "0.1.0"

// Options say which Python to run, and how. They belong to the process. The zero value works.
type Options struct {
	// Venv is the folder of the virtual environment to run in; "" is the Python that was built in, with
	// what is installed there.
	Venv string
	// Force starts Venv even if another Python installation than the embedded one made it.
	Force bool
	// Dir is the first entry of sys.path; "" is the working folder.
	Dir string
	// PythonPath are further entries of sys.path.
	PythonPath []string
	// Argv is sys.argv; nil is one empty string. An empty first element becomes the file of the first application, as
	// when Python runs it.
	Argv []string
	// Threads is the number of threads for requests, which is how many the applications work on at the same time; 0 is
	// 16. If it is 1, requests run on Python's main thread; if it is more, none does.
	Threads int
	// Queue is how many requests may wait for a thread before further ones are refused with 503; 0 is 1024.
	Queue int
	// Engine is EngineNetHTTP (also "") or, for Application.Serve on Linux, EngineReactor.
	Engine string
	// Limits bound what clients can hold on to. Of these ServeHTTP, whose server is another program's, has QueueAge and
	// ResponseBuffer only.
	Limits Limits
	// SpoolDisk is how many bytes the temporary files of all requests and responses may have together; 0 is
	// 4 GiB, less means no bound.
	SpoolDisk int64
	// SpoolMemory is how many bytes of memory may be used for what slow clients have sent in part, or have not taken yet; 0 is
	// httpserver.DefaultSpoolMemory, less means no limit.
	SpoolMemory int64
	// Multiprocess is the value of wsgi.multiprocess: other processes serve the same application.
	Multiprocess bool
	// Timeout is how long a request may be in the application without a chunk being read or sent: then the client gets
	// 504, or an aborted connection if the answer has begun, and pyserve.RequestTimeout, which derives from
	// BaseException, is raised in its thread. 0 is forever.
	Timeout time.Duration
	// Stuck is called when a thread does not come back after that; gil says that it keeps the GIL, so that no Python code
	// runs any more. nil is nobody; the log has it in any case.
	Stuck func(reason string, gil bool)
	// Interrupted is called when that exception has ended what a request was doing, which may have left locks held for
	// ever: the process had better be replaced. nil is nobody; the log has it then.
	Interrupted func()
	// Context says which context variables a request finds set, such as those of decimal and numpy: ContextImport,
	// ContextEmpty, or ContextAuto (also "").
	Context string
	// Log takes the server's messages, the applications' exceptions, and wsgi.errors; nil is slog.Default().
	Log *slog.Logger
	// Process is for a process that is one of several, as those of the pyserve command are.
	Process Process
}

// Process is what a process of several shares with the others. The zero value is that of a process alone.
type Process struct {
	// CrashFile takes the Python stacks of all threads when the process dies of a signal in C; nil is the
	// standard error. It works in programs that import pyhost/prestart.
	CrashFile *os.File
	// ForkClose are descriptors that a process forked by the application is to close, beside the server's own.
	ForkClose []int
	// Row is where the server shows what it is doing, for other processes to see; nil is a row that none sees. The reactor also has
	// its fair share of connections by it, among the processes that accept from the same listeners; net/http's engine
	// leaves it to the kernel who gets one.
	Row *scoreboard.Worker
	// QuietImport has nothing said about an import that takes long, as another process does the same import and says it.
	QuietImport bool
}

// Limits bound what clients can hold on to. The zero value means the defaults.
type Limits = httpserver.Limits

// The engines. With the reactor the Python threads wait for connections themselves; ServeHTTP works with
// both, but only Serve gains by it.
const (
	EngineNetHTTP = "nethttp"
	EngineReactor = "reactor"
)

// The defaults of Options.
const (
	DefaultThreads = 16
	DefaultQueue   = 1024
)

// The values of Options.Context. In any case each request has a context of its own.
const (
	ContextAuto   = "auto"   // ContextImport with one thread, ContextEmpty with more
	ContextImport = "import" // a copy of what the application's import has set
	ContextEmpty  = "empty"  // none
)

// importContext reports whether requests begin with what the import has set.
func (o Options) importContext() bool {
	return o.Context == ContextImport || o.Context != ContextEmpty && o.Threads == 1
}

// App says which application to serve, and how. The zero value works but for Name.
type App struct {
	// Name is "module", "module:attribute", "module:factory(…)", or the path of a .py or .wsgi file.
	Name string
	// Mount is the path under which the application is served, its SCRIPT_NAME; "" is the root.
	Mount string
	// ScriptName is the SCRIPT_NAME of an application whose path comes without it, because a proxy has taken it off; it
	// excludes Mount.
	ScriptName string
	// TrustedProxies are the peers whose word about the client counts: CIDRs, addresses, "unix", or "*".
	TrustedProxies []string
	// Forwarded is what they are believed about: "for", "proto", "host", "port", "prefix" (X-Forwarded-…), and
	// "forwarded" (RFC 7239), which takes the place of the first three. nil is "for" and "proto".
	Forwarded []string
	// HeaderMap is what happens to header names with an underscore: "drop" (also ""), "refuse", "allow".
	HeaderMap string
	// HealthPath is a path for which GET and HEAD are answered with 200 and "ok" without the application, also while all
	// threads are busy. It is not below Mount. "" is none.
	HealthPath string
	// Debug shows exceptions with their tracebacks to the client. Never use it in production.
	Debug bool
	// Environ returns variables that the application finds in its environ beside the server's, such as REMOTE_USER from a
	// middleware in Go; one that the server has too takes its place. It is called by [Application.ServeHTTP] only, on the
	// goroutine of the request. nil adds none.
	Environ func(r *http.Request) map[string]string
	// HTTP configures the engine. Its Log and ServerName are set by pyserve when they are zero.
	HTTP httpserver.Options
}

// withDefaults checks o and fills in what is zero.
func (o Options) withDefaults() (Options, error) {
	if o.Threads < 0 {
		return o, fmt.Errorf("the number of threads must be 1 or more, not %d", o.Threads)
	}
	if o.Queue < 0 {
		return o, fmt.Errorf("the length of the queue must be 1 or more, not %d", o.Queue)
	}
	if !slices.Contains([]string{"", ContextAuto, ContextImport, ContextEmpty}, o.Context) {
		return o, fmt.Errorf("the context must be %q, %q or %q, not %q", ContextAuto, ContextImport, ContextEmpty, o.Context)
	}
	if o.Threads == 0 {
		o.Threads = DefaultThreads
	}
	if o.Queue == 0 {
		o.Queue = DefaultQueue
	}
	if o.SpoolDisk == 0 {
		o.SpoolDisk = httpserver.DefaultSpoolDisk
	}
	if o.SpoolMemory == 0 {
		o.SpoolMemory = httpserver.DefaultSpoolMemory
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Process.Row == nil {
		o.Process.Row = scoreboard.Private(o.Threads)
	}
	return o, nil
}

// differs names the first setting of Python itself in which two Options differ, "" if there is none.
func (o Options) differs(other Options) string {
	switch {
	case o.Venv != other.Venv:
		return "Venv"
	case o.Dir != other.Dir:
		return "Dir"
	case !slices.Equal(o.PythonPath, other.PythonPath):
		return "PythonPath"
	case !slices.Equal(o.Argv, other.Argv):
		return "Argv"
	case o.Threads != other.Threads:
		return "Threads"
	case o.Queue != other.Queue:
		return "Queue"
	case o.Timeout != other.Timeout:
		return "Timeout"
	case o.importContext() != other.importContext():
		return "Context"
	}
	return ""
}

func (o Options) python() pyhost.Config {
	return pyhost.Config{
		Venv: o.Venv, Force: o.Force, Dir: o.Dir, PythonPath: o.PythonPath, Argv: o.Argv,
		Threads: o.Threads, Multiprocess: o.Multiprocess, Variables: environ.Keys, CrashFile: o.Process.CrashFile, Log: o.Log,
		ImportContext: o.importContext(),
	}
}

// Preload returns the message by which a zygote (package pyhost/zygote) imports the application named app, as a process
// with these Options would.
func (o Options) Preload(app string) ([]byte, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return o.python().Preload(app)
}

// Validate reports every fault of a.
func (a App) Validate() error {
	var errs []error
	if a.Name == "" {
		errs = append(errs, errors.New("provide a WSGI application object as module:callable"))
	}
	_, err := a.builder(Options{})
	return errors.Join(append(errs, checkHealthPath(a.HealthPath), err)...)
}

// builder makes what turns requests into variables.
func (a App) builder(o Options) (*environ.Builder, error) {
	proxies, unix, proxiesErr := environ.ParseTrusted(a.TrustedProxies)
	forwarded, forwardedErr := environ.ParseForwarded(a.Forwarded)
	headers, headersErr := environ.Drop, error(nil)
	if a.HeaderMap != "" {
		headers, headersErr = environ.ParseHeaderMap(a.HeaderMap)
	}
	if forwardedErr != nil {
		forwarded = 0
	}
	builder, err := environ.NewBuilder(environ.Config{
		Mount: strings.TrimSuffix(a.Mount, "/"), ScriptName: strings.TrimSuffix(a.ScriptName, "/"), TrustedProxies: proxies,
		TrustUnix: unix, Forwarded: forwarded, HeaderMap: headers, Software: "pyserve/" + Version, Log: o.Log,
	})
	return builder, errors.Join(proxiesErr, forwardedErr, headersErr, err)
}

// engine returns the engine's options with what pyserve adds.
func (a App) engine(o Options, fds httpserver.DescriptorWatcher, disk *httpserver.Budget, memory *httpserver.Budget) httpserver.Options {
	e := a.HTTP
	if a.Environ != nil {
		e.Extra = func(r *http.Request) []httpserver.HeaderField { return variables(a.Environ(r)) }
	}
	if e.Early == nil && a.HealthPath != "" {
		e.Early = health(a.HealthPath)
	}
	e.Row = o.Process.Row
	if e.SpoolDisk == nil {
		e.SpoolDisk = disk
	}
	if e.SpoolMemory == nil {
		e.SpoolMemory = memory
	}
	if e.Log == nil {
		e.Log = o.Log
	}
	if e.ServerName == "" {
		e.ServerName = "pyserve"
	}
	if e.Descriptors == nil {
		e.Descriptors = fds
	}
	proxies, unix, err := environ.ParseTrusted(a.TrustedProxies)
	if err != nil {
		return e // Validate has said so
	}
	isProxy := func(peer netip.Addr) bool {
		return !peer.IsValid() && unix || slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(peer) })
	}
	if e.TrustRequestID == nil {
		e.TrustRequestID = isProxy
	}
	if e.SharedAddress == nil {
		e.SharedAddress = isProxy
	}
	return e
}

// variables lists what an Environ hook has returned, by name.
func variables(environ map[string]string) []httpserver.HeaderField {
	list := make([]httpserver.HeaderField, 0, len(environ))
	for _, name := range slices.Sorted(maps.Keys(environ)) {
		list = append(list, httpserver.HeaderField{Name: name, Value: environ[name]})
	}
	return list
}

func (a App) gateway(o Options) gateway.Options {
	return gateway.Options{Log: o.Log, Debug: a.Debug, Failed: &o.Process.Row.Counters().Failed}
}
