package main

import (
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/pyserve/pyserve"
)

// settings is the one table of options: each field is a flag, an environment variable, a line of
// --help, and a line of `pyserve check`.
type settings struct {
	Bind                     []string `short:"b" sep:"none" placeholder:"ADDR" group:"listen" help:"Listen on HOST:PORT, unix:PATH or unix:@NAME (abstract); can be repeated. A path can be followed by ,mode=660 ,owner=USER and ,group=GROUP. Default: 127.0.0.1:8000, or 0.0.0.0:$PORT when PORT is set."`
	Mount                    string   `placeholder:"/PREFIX" group:"listen" help:"Serve under this path: the application's SCRIPT_NAME."`
	ScriptName               string   `placeholder:"/PREFIX" group:"listen" help:"The application's SCRIPT_NAME behind a proxy that has taken this prefix off the path."`
	TrustedProxies           []string `sep:"," placeholder:"CIDR" group:"listen" help:"Believe what these peers say about the client, see --forwarded: addresses, CIDRs, 'unix', or '*'; can be repeated."`
	Forwarded                []string `sep:"," default:"for,proto" placeholder:"FACT" group:"listen" help:"What they are believed about: for, proto, host, port, prefix (of X-Forwarded-...), or forwarded (RFC 7239) in place of for, proto and host (${default})."`
	HeaderMap                string   `enum:"drop,refuse,allow" default:"drop" group:"listen" help:"What to do with request headers whose names have an underscore: drop, refuse (400), or allow."`
	Threads                  int      `short:"t" default:"16" placeholder:"N" group:"python" help:"Python threads: how many requests are worked on at the same time (${default})."`
	Chdir                    string   `placeholder:"DIR" group:"python" help:"Work in this folder; it is the first place where modules are looked for."`
	Pythonpath               []string `sep:":" placeholder:"DIR" group:"python" help:"Look for modules in this folder too; can be repeated."`
	Venv                     string   `placeholder:"DIR" group:"python" help:"Use this virtual environment. Default: $VIRTUAL_ENV, then .venv or venv in the working folder."`
	Force                    bool     `group:"python" help:"Use the virtual environment even if another Python installation made it."`
	Context                  string   `enum:"auto,import,empty" default:"auto" group:"python" help:"Which context variables a request finds set, among them what decimal and numpy are set to: import: those that the import of the application has set. empty: none. auto: import with --threads 1, else empty."`
	Env                      []string `sep:"none" placeholder:"K=V" group:"python" help:"Set an environment variable for the application; can be repeated."`
	Engine                   string   `enum:"reactor,nethttp" default:"${engine}" group:"requests" help:"reactor: the Python threads wait for connections themselves (Linux). nethttp: Go's HTTP server does."`
	RequestBuffering         string   `enum:"on,off" default:"on" group:"requests" help:"on: take in the whole request content before the application is called. off: stream it."`
	MaxBody                  size     `default:"1G" placeholder:"SIZE" group:"requests" help:"Refuse request content over this size with 413 (${default}); 'off' for no limit."`
	BodyBuffer               size     `default:"256K" placeholder:"SIZE" group:"requests" help:"Keep request content up to this size in memory, the rest in a temporary file (${default})."`
	SpoolDir                 string   `placeholder:"DIR" group:"requests" help:"Where those temporary files are. Default: $TMPDIR, or /var/tmp if that is on a disk, or /tmp."`
	SpoolDisk                size     `default:"4G" placeholder:"SIZE" group:"requests" help:"How large all temporary files of a process may be together, of requests and responses: over this, content is refused with 503, and applications wait for slow clients (${default}); 'off' for no limit."`
	SpoolMemory              size     `default:"128M" placeholder:"SIZE" group:"requests" help:"How much memory of a process slow clients may take together, for what they have sent in part or not taken yet: over this, temporary files are used from the first byte, and large heads are refused with 503 (${default}); 'off' for no limit."`
	Queue                    int      `default:"1024" placeholder:"N" group:"requests" help:"Requests that may wait for a thread; further ones are refused with 503 (${default})."`
	QueueAge                 seconds  `default:"30s" placeholder:"TIME" group:"limits" help:"Refuse a request with 503 that has waited longer than this for a thread (${default})."`
	MaxConnections           int      `default:"0" placeholder:"N" group:"limits" help:"Connections that may be open: for a further one the one that has been idle for longest is closed. 0 is as many as the limit of open files (ulimit -n) allows, less an eighth, and at least 64, for the application."`
	MaxConnectionsPerAddress int      `default:"0" placeholder:"N" group:"limits" help:"Close further connections when so many are open from one client address (of IPv6: one /64 network); unix sockets and trusted proxies are not counted. 0 is no limit."`
	KeepaliveRequests        int      `default:"0" placeholder:"N" group:"limits" help:"Close a connection after so many requests; 0 is no limit."`
	HeaderTimeout            seconds  `default:"30s" placeholder:"TIME" group:"limits" help:"How long a client may take for the head of a request (${default})."`
	KeepAlive                seconds  `default:"75s" placeholder:"TIME" group:"limits" help:"How long a connection may wait for its next request (${default})."`
	BodyRate                 size     `default:"100" placeholder:"SIZE" group:"limits" help:"Bytes of content that a client has to send a second, over any 30 s (${default}); 'off' for no limit."`
	WriteTimeout             seconds  `default:"60s" placeholder:"TIME" group:"limits" help:"How long a client may leave a response untaken (${default})."`
	ResponseRate             size     `default:"100" placeholder:"SIZE" group:"limits" help:"Bytes of a response that a client has to take a second, over any --write-timeout (${default}); 'off': any byte gives that time again."`
	ResponseBuffer           size     `default:"64M" placeholder:"SIZE" group:"limits" help:"How much of a response may wait for a slow client, in memory and then in a temporary file, before the application waits too (${default})."`
	AccessLog                string   `default:"off" placeholder:"PATH" group:"log" help:"Write an access log to this file; '-' is standard output, 'off' is none (${default})."`
	AccessLogFormat          string   `enum:"combined,json" default:"combined" group:"log" help:"The form of the access log: combined or json."`
	LogLevel                 string   `enum:"debug,info,warning,error" default:"info" group:"log" help:"The least severe messages that are logged: debug, info, warning or error."`
	Workers                  *workers `short:"w" placeholder:"N" group:"process" help:"Worker processes; 'auto' is one for each processor, 0 serves in the process that was started. Default: $WEB_CONCURRENCY, or 1."`
	GracefulTimeout          seconds  `default:"30s" placeholder:"TIME" group:"process" help:"How long running requests may take to finish when a worker is to leave, after SIGTERM for example (${default})."`
	StartTimeout             seconds  `default:"120s" placeholder:"TIME" group:"process" help:"How long a worker may take to import the application and to answer --warmup: then it is ended, its Python stack logged, and its start counts as failed (${default}; without limit if --reload is given); 0 is no limit."`
	Timeout                  seconds  `default:"30s" placeholder:"TIME" group:"process" help:"How long a request may be in the application without a chunk being read or sent: then it gets 504, and an exception ends it (${default}); 0 is no limit."`
	Preload                  bool     `group:"process" help:"Import the application once and fork the workers from that process, so that they share its memory and start at once."`
	Warmup                   string   `placeholder:"/PATH" group:"process" help:"A worker that has started first answers a GET of this path; only when the status is below 500 does it count as ready."`
	MaxRequests              int      `default:"0" placeholder:"N" group:"process" help:"Replace a worker after so many requests; 0 is never."`
	MaxRequestsJitter        int      `default:"0" placeholder:"N" group:"process" help:"Add up to so many to --max-requests, differently for each worker."`
	MaxMemory                size     `default:"off" placeholder:"SIZE" group:"process" help:"Replace a worker whose resident memory is larger (${default})."`
	MaxAge                   seconds  `default:"0s" placeholder:"TIME" group:"process" help:"Replace a worker after so long, and up to a tenth more; 0 is never."`
	Reload                   bool     `group:"process" help:"For development: start the application anew whenever a source file or template changes."`
	PidFile                  string   `placeholder:"PATH" group:"process" help:"Write the process id to this file, for pyserve reload, stop and status."`
	User                     string   `placeholder:"NAME" group:"process" help:"Run the application as this user, by name or number. Needs root."`
	Group                    string   `placeholder:"NAME" group:"process" help:"Run the application as this group. Default: the user's own."`
	Umask                    *umask   `placeholder:"OCTAL" group:"process" help:"The file mode creation mask, such as 027."`
	Debug                    bool     `group:"process" help:"Show exceptions with their tracebacks to the client. Never use it in production."`
}

// cli is what kong parses.
type cli struct {
	settings `embed:""`

	Version kong.VersionFlag `env:"-" group:"process" help:"Print the versions of pyserve, Go, CPython and cpy3."`

	Serve struct {
		App string `arg:"" optional:"" help:"module:callable, module (for 'application' or 'app' in it), module:factory(\"argument\"), or the path of a .py or .wsgi file."`
	} `cmd:"" default:"withargs" help:"Serve the application. This is what 'pyserve APP' does."`
	Check struct {
		App string `arg:"" optional:"" help:"As for serve."`
	} `cmd:"" help:"Print the interpreter and the configuration, import the application, and say whether it could be served."`

	ReloadServer struct{} `cmd:"" name:"reload" help:"Have the pyserve whose process id is in --pid-file reload the application, and wait until it has."`
	StopServer   struct{} `cmd:"" name:"stop" help:"Stop it gracefully, and wait until it has ended."`
	Status       struct {
		JSON bool `name:"json" help:"As JSON."`
	} `cmd:"" help:"Print what it and its workers are doing."`

	app       string
	arguments []string // for the application, as sys.argv[1:]: what follows "--"
	faults    []string // of single values
	unknown   []string // variables of the environment that look like options
	dir       string   // the folder that what is relative on the command line is relative to
	home      string   // the working folder, links followed
	target    string   // the application, see folders.App; "" is app
	givenVenv string   // --venv as given; Venv may have been found

	spoolDirFlag string // what has named SpoolDir: the flag, or TMPDIR
}

const description = `Serves a WSGI application (PEP 3333), such as a Flask, Pyramid or Django one.

  pyserve flaskapp:app
  pyserve --bind 0.0.0.0:8000 --threads 8 mysite.wsgi
  pyserve "shop:create_app('prod', debug=False)"
  pyserve shop:app -- --verbose        the application's own arguments, sys.argv[1:]

Each flag is also an environment variable: --max-body is PYSERVE_MAX_BODY.
Signals: TERM or INT finishes the running requests, then exits; a second INT, or QUIT, exits at once.
HUP starts new workers with new code, and lets the old ones leave when those are ready. USR2 does the same
with the binary itself. TTIN and TTOU: one worker more or less. USR1 reopens the log files.`

// defaultEngine is the fastest one of this system.
func defaultEngine() string {
	if runtime.GOOS == "linux" {
		return pyserve.EngineReactor
	}
	return pyserve.EngineNetHTTP
}

// exited is what the parser's --help and --version panic with, to get out of it.
type exited int

// parse reads the command line and the environment. done says that there is nothing left to do but exit
// with code.
func parse(args []string, stdout, stderr io.Writer) (c *cli, command string, code int, done bool) {
	c = &cli{}
	defer func() {
		if e, ok := recover().(exited); ok {
			code, done = int(e), true
		}
	}()
	decoder := &decoder{}
	parser := kong.Must(c, append(decoder.options(),
		kong.Name("pyserve"), kong.Description(description), kong.Writers(stdout, stderr),
		kong.DefaultEnvars("PYSERVE"), kong.Vars{"version": versions(), "engine": defaultEngine()},
		kong.ConfigureHelp(kong.HelpOptions{FlagsLast: true, NoExpandSubcommands: true, WrapUpperBound: 80}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "listen", Title: "Listening"}, {Key: "python", Title: "Python"}, {Key: "requests", Title: "Requests"},
			{Key: "limits", Title: "Limits"},
			{Key: "log", Title: "Logs"}, {Key: "process", Title: "Process"},
		}),
		kong.Exit(func(code int) { panic(exited(code)) }))...)
	if i := slices.Index(args, "--"); i >= 0 {
		args, c.arguments = args[:i], args[i+1:]
	}
	ctx, err := parser.Parse(joinNumbers(args))
	c.faults = decoder.faults
	if err != nil {
		c.faults = append(c.faults, mistaken(err, args, parser.Model)...)
		return c, "", usage(c.faulty()), true
	}
	c.unknown = unknownVariables(parser.Model)
	command, _, _ = strings.Cut(ctx.Command(), " ")
	c.app = c.Serve.App
	if command == "check" {
		c.app = c.Check.App
	}
	if c.app == "" && len(c.arguments) > 0 { // "--" ends the flags, as everywhere
		c.app, c.arguments = c.arguments[0], c.arguments[1:]
	}
	if c.app == "" && (command == "serve" || command == "check") {
		c.faults = append(c.faults, "provide a WSGI application object as module:callable, such as: pyserve flaskapp:app")
		return c, command, usage(c.faulty()), true
	}
	return c, command, exitOK, false
}

// buildVariables are for the scripts that build and test pyserve; `make serve` hands them on.
var buildVariables = []string{"PYSERVE_LINK", "PYSERVE_CFLAGS", "PYSERVE_BIN", "PYSERVE_SOAK", "PYSERVE_SOAK_SEED"}

// unknownVariables returns the environment variables that look like options and are none. They may be meant for
// somebody else, so they are no mistake.
func unknownVariables(model *kong.Application) (unknown []string) {
	known := map[string]bool{}
	for _, name := range buildVariables {
		known[name] = true
	}
	for _, flags := range model.AllFlags(false) {
		for _, flag := range flags {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
	}
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "PYSERVE_") && !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// faulty returns the faults of single values as errors.
func (c *cli) faulty() error {
	errs := make([]error, len(c.faults))
	for i, fault := range c.faults {
		errs[i] = errors.New(fault)
	}
	return errors.Join(errs...)
}

// usage reports mistakes on the command line, each in a line.
func usage(err error) int {
	sayEach(err)
	say("--help lists the options")
	return exitUsage
}

func sayEach(err error) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			sayEach(one)
		}
		return
	}
	say("%v", err)
}

// failure reports what went wrong in doing what the command line asked for.
func failure(err error) int {
	say("%s", strings.TrimPrefix(err.Error(), "pyserve: ")) // the library's own beginning
	return exitFailure
}
