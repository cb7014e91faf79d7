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

// cli is what kong parses.
type cli struct {
	settings `embed:""`

	Version kong.VersionFlag `env:"-" group:"process" help:"Print the versions of pyserve, Go, CPython and cpy3."`

	Serve struct {
		App string `arg:"" optional:"" help:"module:callable, module (for 'application' or 'app' in it), module:factory(\"argument\"), or the path of a .py or .wsgi file."`
	} `cmd:"" default:"withargs" help:"Serve the application. This is what 'pyserve APP' does."`
	Check struct {
		App string `arg:"" optional:"" help:"As for serve."`
	} `cmd:"" help:"Print the interpreter and the configuration, import the application, and report whether it can be served."`

	ReloadServer struct{} `cmd:"" name:"reload" help:"Reload the application of the pyserve whose process id is in --pid-file, and wait until that is done."`
	StopServer   struct{} `cmd:"" name:"stop" help:"Stop that pyserve gracefully, and wait until it has ended."`
	Status       struct {
		JSON bool `name:"json" help:"Print JSON."`
	} `cmd:"" help:"Print what that pyserve and its workers are doing."`

	flags     []*kong.Flag // of settings, in their order
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
Signals: TERM and INT finish the running requests, then exit; a second INT, or QUIT, exits immediately.
HUP starts new workers with new code; the old ones leave when the new ones are ready. USR2 does the same
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
		kong.ExplicitGroups(optionGroups),
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
	c.flags = optionFlags(parser.Model)
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

// optionFlags returns the flags of the table of options, in its order.
func optionFlags(model *kong.Application) (flags []*kong.Flag) {
	for _, flag := range model.Flags {
		if flag.Group != nil && flag.Name != "version" {
			flags = append(flags, flag)
		}
	}
	return flags
}

// buildVariables are for the scripts that build and test pyserve; `make serve` hands them on.
var buildVariables = []string{"PYSERVE_LINK", "PYSERVE_CFLAGS", "PYSERVE_BIN", "PYSERVE_SOAK", "PYSERVE_SOAK_SEED"}

// unknownVariables returns the environment variables that look like options and are none. They may be meant for
// somebody else, so they are not a mistake.
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
