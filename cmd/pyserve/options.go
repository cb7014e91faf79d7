package main

import (
	"reflect"
	"strings"
	"sync"

	"github.com/alecthomas/kong"
)

// settings is the one table of options, in the order in which they are shown: each field is a flag, an environment variable,
// a line of --help, of docs/options.md and of `pyserve check`. What values it allows stands in its tags, beside kong's own:
//
//   - least and most bound a number.
//   - positive refuses 0, which would mean the default further down.
//   - engine names the one engine that knows the option.
//   - needs:"workers" refuses it with --workers 0.
type settings struct {
	Bind           []string `short:"b" sep:"none" placeholder:"ADDR" group:"listen" help:"Listen on HOST:PORT, unix:PATH, unix:@NAME (abstract) or fd://N (a socket that is handed down). Can be repeated. A path may be followed by ,mode=660 ,owner=USER and ,group=GROUP. Default: 127.0.0.1:8000, or 0.0.0.0:$PORT if PORT is set."`
	Mount          string   `placeholder:"/PREFIX" group:"listen" help:"Serve the application under this path, its SCRIPT_NAME."`
	ScriptName     string   `placeholder:"/PREFIX" group:"listen" help:"The application's SCRIPT_NAME behind a proxy that has removed this prefix from the path."`
	TrustedProxies []string `sep:"," placeholder:"CIDR" group:"listen" help:"Trust what these peers say about the client (see --forwarded): addresses, CIDRs, 'unix', or '*'. Can be repeated."`
	Forwarded      []string `sep:"," default:"for,proto" placeholder:"FACT" group:"listen" help:"What trusted proxies may say: for, proto, host, port, prefix (X-Forwarded-...), or forwarded (RFC 7239) instead of for, proto and host (${default})."`
	HeaderMap      string   `enum:"drop,refuse,allow" default:"drop" group:"listen" help:"What to do with request header names that contain an underscore: drop, refuse (400), or allow."`
	HealthPath     string   `placeholder:"/PATH" group:"listen" help:"Answer GET and HEAD requests for this path with 200, without the application, also while all threads are busy."`

	Threads    int      `short:"t" default:"16" placeholder:"N" group:"python" least:"1" most:"16384" help:"Number of Python threads: how many requests run at the same time (${default})."`
	Chdir      string   `placeholder:"DIR" group:"python" help:"Change to this directory, where modules are looked for first."`
	Pythonpath []string `sep:":" placeholder:"DIR" group:"python" help:"Also look for modules in this directory. Can be repeated."`
	Venv       string   `placeholder:"DIR" group:"python" help:"Use this virtual environment. Default: $VIRTUAL_ENV, then .venv or venv in the working directory."`
	Force      bool     `group:"python" help:"Use the virtual environment even if it was made by another Python installation."`
	Context    string   `enum:"auto,import,empty" default:"auto" group:"python" help:"Context variables that a request starts with, such as those of decimal and numpy. import: those set when the application was imported. empty: none. auto: import with --threads 1, otherwise empty."`
	Env        []string `sep:"none" placeholder:"K=V" group:"python" help:"Set an environment variable for the application. Can be repeated."`

	Engine           string `enum:"reactor,nethttp" default:"${engine}" group:"requests" help:"reactor: the Python threads wait for connections themselves (Linux). nethttp: Go's HTTP server."`
	RequestBuffering string `enum:"on,off" default:"on" group:"requests" help:"on: read the whole request body before calling the application. off: stream it."`
	MaxBody          size   `default:"1G" placeholder:"SIZE" group:"requests" positive:"" help:"Maximum size of a request body; larger ones get 413 (${default}). 'off': no limit."`
	BodyBuffer       size   `default:"256K" placeholder:"SIZE" group:"requests" positive:"" help:"Size up to which a request body stays in memory; the rest goes to a temporary file (${default})."`
	SpoolDir         string `placeholder:"DIR" group:"requests" help:"Directory for temporary files. Default: $TMPDIR, or /var/tmp if that is on a disk, or /tmp."`
	SpoolDisk        size   `default:"4G" placeholder:"SIZE" group:"requests" positive:"" help:"Total size of a process's temporary files (${default}). Above it, request bodies get 503, and responses wait for slow clients. 'off': no limit."`
	SpoolMemory      size   `default:"128M" placeholder:"SIZE" group:"requests" positive:"" help:"Memory of a process for what slow clients have sent in part or not read yet (${default}). Above it, temporary files are used from the first byte, and large request heads get 503. 'off': no limit."`
	Queue            int    `default:"1024" placeholder:"N" group:"requests" least:"1" help:"Maximum number of requests that wait for a thread; others get 503 (${default})."`

	QueueAge                 seconds `default:"30s" placeholder:"TIME" group:"limits" positive:"" help:"How long a request may wait for a thread before it gets 503 (${default})."`
	MaxConnections           int     `default:"0" placeholder:"N" group:"limits" least:"0" help:"Maximum number of open connections. To accept another one, the one that has been idle longest is closed. 0: what the limit of open files (ulimit -n) allows, less an eighth, and at least 64, for the application."`
	MaxConnectionsPerAddress int     `default:"0" placeholder:"N" group:"limits" least:"0" help:"Maximum number of open connections from one client address (IPv6: one /64 network); others are closed. Unix sockets and trusted proxies do not count. 0: no limit."`
	KeepaliveRequests        int     `default:"0" placeholder:"N" group:"limits" least:"0" help:"Close a connection after this many requests. 0: no limit."`
	HeaderTimeout            seconds `default:"30s" placeholder:"TIME" group:"limits" positive:"" help:"How long a client may take to send the head of a request (${default})."`
	KeepAlive                seconds `default:"75s" placeholder:"TIME" group:"limits" positive:"" help:"How long a connection may wait for its next request (${default})."`
	BodyRate                 size    `default:"100" placeholder:"SIZE" group:"limits" positive:"" help:"Minimum average upload rate over any 30 s, in bytes per second (${default}). 'off': no limit."`
	WriteTimeout             seconds `default:"60s" placeholder:"TIME" group:"limits" positive:"" help:"How long a client may go without reading the response (${default})."`
	ResponseRate             size    `default:"100" placeholder:"SIZE" group:"limits" positive:"" engine:"reactor" help:"Minimum average rate at which a client reads a response over any --write-timeout, in bytes per second (${default}). 'off': any byte starts --write-timeout again."`
	ResponseBuffer           size    `default:"64M" placeholder:"SIZE" group:"limits" positive:"" help:"How much of a response may wait for a slow client, in memory and then in a temporary file, before the application has to wait (${default})."`

	AccessLog       string `default:"off" placeholder:"PATH" group:"log" help:"Write an access log to this file. '-': standard output. 'off': none (${default})."`
	AccessLogFormat string `enum:"combined,json" default:"combined" group:"log" help:"Format of the access log: combined or json."`
	LogLevel        string `enum:"debug,info,warning,error" default:"info" group:"log" help:"Lowest level of the messages that are logged: debug, info, warning or error."`

	Workers           *workers `short:"w" placeholder:"N" group:"process" help:"Number of worker processes. auto: one for each processor. 0: serve in the process that was started. Default: $WEB_CONCURRENCY, or 1."`
	GracefulTimeout   seconds  `default:"30s" placeholder:"TIME" group:"process" help:"How long running requests may take to finish when a worker has to leave, for example after SIGTERM (${default})."`
	StartTimeout      seconds  `default:"120s" placeholder:"TIME" group:"process" help:"How long a worker may take to import the application and answer --warmup (${default}). After that it is ended, its Python stack is logged, and the start has failed. 0: no limit, which is the default with --reload."`
	Timeout           seconds  `default:"30s" placeholder:"TIME" group:"process" help:"How long a request may run without a chunk being read or sent (${default}). After that it gets 504, and an exception ends it. 0: no limit."`
	Preload           bool     `group:"process" needs:"workers" help:"Import the application once and fork the workers from that process: they share its memory and start immediately."`
	Warmup            string   `placeholder:"/PATH" group:"process" help:"Path that a new worker must answer before it counts as ready, with a status below 500."`
	MaxRequests       int      `default:"0" placeholder:"N" group:"process" least:"0" needs:"workers" help:"Replace a worker after this many requests. 0: never."`
	MaxRequestsJitter int      `default:"0" placeholder:"N" group:"process" least:"0" help:"Add a random number up to this to --max-requests, for each worker."`
	MaxMemory         size     `default:"off" placeholder:"SIZE" group:"process" positive:"" needs:"workers" help:"Replace a worker whose resident memory is larger (${default})."`
	MaxAge            seconds  `default:"0s" placeholder:"TIME" group:"process" needs:"workers" help:"Replace a worker after this time and up to a tenth more. 0: never."`
	Reload            bool     `group:"process" needs:"workers" help:"For development: restart the application when a source file or a template changes."`
	PidFile           string   `placeholder:"PATH" group:"process" help:"Write the process id to this file, for pyserve reload, stop and status."`
	User              string   `placeholder:"NAME" group:"process" help:"Run the application as this user (name or number). Requires root."`
	Group             string   `placeholder:"NAME" group:"process" help:"Run the application as this group. Default: the user's group."`
	Umask             *umask   `placeholder:"OCTAL" group:"process" help:"File mode creation mask, such as 027."`
	Debug             bool     `group:"process" help:"Show exceptions with their tracebacks to the client. Never use it in production."`
}

// optionGroups are the headings of --help and of docs/options.md.
var optionGroups = []kong.Group{
	{Key: "listen", Title: "Listening"}, {Key: "python", Title: "Python"}, {Key: "requests", Title: "Requests"},
	{Key: "limits", Title: "Limits"}, {Key: "log", Title: "Logs"}, {Key: "process", Title: "Process"},
}

// flagOf returns the flag for an option of the library, which the packages below name by its field: "MaxBody" is --max-body.
// What has no flag stays as it is.
func flagOf(field string) string {
	if flag, ok := flagsByField()[strings.ToLower(field)]; ok {
		return flag
	}
	return field
}

var flagsByField = sync.OnceValue(func() map[string]string {
	flags := map[string]string{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[settings]()) {
		flags[strings.ToLower(field.Name)] = "--" + flagName(field.Name)
	}
	return flags
})

// flagName is the name of a field of settings as a flag.
func flagName(field string) string { return strings.ToLower(capital.ReplaceAllString(field, "-$0")) }
