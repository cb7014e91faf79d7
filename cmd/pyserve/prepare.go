package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pyserve/pyserve"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
	"github.com/pyserve/pyserve/pyhost"
)

// prepare checks the settings together, makes paths absolute, fills in what depends on the surroundings,
// and changes the process as they say: environment, then working folder. It reports every fault at once.
func (c *cli) prepare() error {
	c.absolutePaths()
	errs := []error{c.faulty(), c.enter()}
	errs = append(errs, append(c.bounds(), c.engineOnly()...)...)
	var err error
	if c.Bind, err = binds(c.Bind, c.dir); err != nil {
		errs = append(errs, err)
	}
	if c.givenVenv = c.Venv; c.givenVenv != "" {
		errs = append(errs, pyhost.CheckVenv(c.givenVenv, c.Force))
	}
	c.Venv = cmp.Or(c.givenVenv, findVenv(c.home))
	errs = append(errs, c.processes()...)
	errs = append(errs, c.places()...)
	return errors.Join(append(errs, c.application(nil).Validate())...)
}

// places checks what other settings name: addresses, folders, users. It opens and changes nothing.
func (c *cli) places() (errs []error) {
	for _, address := range c.Bind {
		errs = append(errs, httpserver.CheckAddress(address))
	}
	if c.SpoolDir != "" {
		errs = append(errs, isFolder(c.spoolDirFlag, c.SpoolDir))
	}
	if id := new(identity); c.User != "" {
		errs = append(errs, id.setUser(c.User))
	}
	if id := new(identity); c.Group != "" {
		errs = append(errs, id.setGroup(c.Group))
	}
	return errs
}

func isFolder(flag, path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s %s: there is no such folder: make it, or leave that out", flag, path)
	case err != nil:
		return fmt.Errorf("%s: %w", flag, err)
	case !info.IsDir():
		return fmt.Errorf("%s %s: it is not a folder", flag, path)
	}
	return nil
}

// bounds checks the numbers. Zero would mean the default further down, which is not what it says here.
func (c *cli) bounds() (errs []error) {
	for _, n := range []struct {
		flag         string
		value, least int
	}{
		{"--threads", c.Threads, 1}, {"--queue", c.Queue, 1}, {"--max-connections", c.MaxConnections, 0},
		{"--max-requests", c.MaxRequests, 0}, {"--max-requests-jitter", c.MaxRequestsJitter, 0},
		{"--max-connections-per-address", c.MaxConnectionsPerAddress, 0}, {"--keepalive-requests", c.KeepaliveRequests, 0},
	} {
		if n.value < n.least {
			errs = append(errs, fmt.Errorf("%s must be %d or more, not %d", n.flag, n.least, n.value))
		}
	}
	if c.Threads > scoreboard.MaxThreads {
		errs = append(errs, fmt.Errorf("--threads must be %d or less, not %d", scoreboard.MaxThreads, c.Threads))
	}
	for _, n := range []struct {
		flag  string
		value int64
	}{
		{"--queue-age", int64(c.QueueAge)}, {"--header-timeout", int64(c.HeaderTimeout)}, {"--keep-alive", int64(c.KeepAlive)},
		{"--write-timeout", int64(c.WriteTimeout)}, {"--max-body", int64(c.MaxBody)}, {"--body-buffer", int64(c.BodyBuffer)},
		{"--body-rate", int64(c.BodyRate)}, {"--response-rate", int64(c.ResponseRate)}, {"--response-buffer", int64(c.ResponseBuffer)},
		{"--spool-disk", int64(c.SpoolDisk)}, {"--spool-memory", int64(c.SpoolMemory)}, {"--max-memory", int64(c.MaxMemory)},
	} {
		if n.value == 0 {
			errs = append(errs, fmt.Errorf("%s must be more than 0", n.flag))
		}
	}
	return errs
}

// engineOnly refuses flags that the chosen engine does not know: what they ask for would not be done.
func (c *cli) engineOnly() (errs []error) {
	if c.Engine == pyserve.EngineNetHTTP && c.ResponseRate != defaultResponseRate {
		errs = append(errs, errors.New("--response-rate is for --engine reactor: with nethttp a client has to make room in the kernel's buffer, up to 1 MB, in each --write-timeout"))
	}
	return errs
}

// defaultResponseRate is that of --response-rate.
const defaultResponseRate = 100

// processes fills in the number of workers, and checks what has to do with them.
func (c *cli) processes() (errs []error) {
	if c.Workers == nil {
		c.Workers = new(workers)
		*c.Workers = defaultWorkers
		if n := os.Getenv("WEB_CONCURRENCY"); n != "" {
			if err := c.Workers.UnmarshalText([]byte(n)); err != nil {
				errs = append(errs, fmt.Errorf("WEB_CONCURRENCY: %w", err))
			}
		}
	}
	if c.Umask != nil {
		syscall.Umask(int(*c.Umask))
	}
	if c.Warmup != "" && !strings.HasPrefix(c.Warmup, "/") {
		errs = append(errs, fmt.Errorf("--warmup %s: a path begins with /", c.Warmup))
	}
	for _, needs := range []struct {
		flag string
		set  bool
	}{
		{"--preload", c.Preload}, {"--reload", c.Reload}, {"--max-requests", c.MaxRequests > 0},
		{"--max-memory", c.MaxMemory > 0}, {"--max-age", c.MaxAge > 0},
	} {
		if needs.set && *c.Workers == 0 {
			errs = append(errs, fmt.Errorf("%s needs worker processes: --workers 1 or more", needs.flag))
		}
	}
	if c.Reload && *c.Workers > 1 {
		errs = append(errs, errors.New("--reload is for development and serves with one worker: leave --workers and WEB_CONCURRENCY out"))
	}
	if c.Reload && c.MaxRequests > 0 {
		errs = append(errs, errors.New("--reload and --max-requests exclude each other: while developing nothing is to be replaced but by a change"))
	}
	if c.Preload && c.Reload {
		errs = append(errs, errors.New("--reload and --preload exclude each other: with --reload the workers watch what they have imported"))
	}
	return errs
}

// absolutePaths makes what was written for the folder that pyserve was started in independent of --chdir.
func (c *cli) absolutePaths() {
	absolute := func(path *string) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(c.dir, *path)
		}
	}
	absolute(&c.Venv)
	absolute(&c.Chdir)
	if c.spoolDirFlag = "--spool-dir"; c.SpoolDir == "" {
		c.spoolDirFlag, c.SpoolDir = "TMPDIR", httpserver.DefaultSpoolDir()
	}
	absolute(&c.SpoolDir)
	absolute(&c.PidFile)
	if c.AccessLog != "-" && c.AccessLog != "off" {
		absolute(&c.AccessLog)
	}
	for i := range c.Pythonpath {
		absolute(&c.Pythonpath[i])
	}
}

// enter applies --env and --chdir.
func (c *cli) enter() error {
	var errs []error
	for _, pair := range c.Env {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			errs = append(errs, fmt.Errorf("--env takes NAME=VALUE, not %q", masked(pair)))
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			errs = append(errs, fmt.Errorf("--env %s: %w", masked(pair), err))
		}
	}
	// os.Getwd would believe $PWD. Who is there already need not be allowed to come there.
	if here, err := syscall.Getwd(); c.Chdir != "" && (err != nil || here != c.Chdir) {
		if err := os.Chdir(c.Chdir); err != nil {
			errs = append(errs, fmt.Errorf("--chdir: %w", err))
		}
	}
	var err error
	if c.home, err = syscall.Getwd(); err != nil {
		errs = append(errs, fmt.Errorf("the working folder: %w", err))
	}
	return errors.Join(errs...)
}

// findVenv returns the environment that a developer would expect to be used for the application in a folder, "" if there
// is none.
func findVenv(home string) string {
	if dir := os.Getenv("VIRTUAL_ENV"); dir != "" {
		return dir
	}
	for _, name := range []string{".venv", "venv"} {
		dir := filepath.Join(home, name)
		if _, err := os.Stat(filepath.Join(dir, "pyvenv.cfg")); err == nil {
			return dir
		}
	}
	return ""
}

// options returns the settings of the Python runtime.
func (c *cli) options() pyserve.Options {
	return pyserve.Options{
		Venv: c.Venv, Force: c.Force, Dir: c.home, PythonPath: c.Pythonpath,
		Argv: append([]string{""}, c.arguments...), Threads: c.Threads, Queue: c.Queue, Engine: c.Engine, Log: newLog(c.LogLevel),
		SpoolDisk: int64(c.SpoolDisk), SpoolMemory: int64(c.SpoolMemory), Timeout: time.Duration(c.Timeout), Context: c.Context, Multiprocess: c.Workers != nil && *c.Workers > 1,
		Limits: pyserve.Limits{
			QueueAge: time.Duration(c.QueueAge), MaxConnections: c.MaxConnections,
			MaxConnectionsPerAddress: c.MaxConnectionsPerAddress, KeepAliveRequests: c.KeepaliveRequests,
			BodyRate: int(c.BodyRate), WriteTimeout: time.Duration(c.WriteTimeout), ResponseRate: int(c.ResponseRate),
			ResponseBuffer: int64(c.ResponseBuffer),
		},
	}
}

// application returns the settings of the application.
func (c *cli) application(accessLog *httpserver.AccessLog) pyserve.App {
	return pyserve.App{
		Name: cmp.Or(c.target, c.app), Mount: c.Mount, ScriptName: c.ScriptName, TrustedProxies: c.TrustedProxies, Forwarded: c.Forwarded,
		HeaderMap: c.HeaderMap, Debug: c.Debug,
		HTTP: httpserver.Options{
			AccessLog: accessLog, StreamRequests: c.RequestBuffering == "off",
			HeaderTimeout: time.Duration(c.HeaderTimeout), IdleTimeout: time.Duration(c.KeepAlive),
			MaxBody: int64(c.MaxBody), BodyBuffer: int(c.BodyBuffer), SpoolDir: c.SpoolDir,
		},
	}
}
