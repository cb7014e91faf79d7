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
	"github.com/pyserve/pyserve/pyhost"
)

// prepare makes paths absolute, fills in what depends on the surroundings, and checks the settings. It changes nothing
// outside of c, and reports all faults, those of single values first, in the order of the table of options.
func (c *cli) prepare() error {
	c.absolutePaths()
	errs := []error{c.faulty(), c.countWorkers(), c.findHome()}
	errs = append(errs, c.constraints()...)
	errs = append(errs, checkEnv(c.Env)...)
	var err error
	if c.Bind, err = binds(c.Bind, c.dir); err != nil {
		errs = append(errs, err)
	}
	if c.givenVenv = c.Venv; c.givenVenv != "" {
		errs = append(errs, pyhost.CheckVenv(c.givenVenv, c.Force))
	}
	c.Venv = cmp.Or(c.givenVenv, findVenv(c.home))
	errs = append(errs, c.together()...)
	errs = append(errs, c.places()...)
	return errors.Join(append(errs, c.application(nil).Validate())...)
}

// countWorkers fills in the number of workers.
func (c *cli) countWorkers() error {
	if c.Workers != nil {
		return nil
	}
	c.Workers = new(workers)
	*c.Workers = defaultWorkers
	if n := os.Getenv("WEB_CONCURRENCY"); n != "" {
		if err := c.Workers.UnmarshalText([]byte(n)); err != nil {
			return fmt.Errorf("WEB_CONCURRENCY: %w", err)
		}
	}
	return nil
}

// findHome finds the working directory, links followed. os.Getwd would believe $PWD. A process that is in --chdir already, as
// a worker of another user may be, need not be allowed to go there.
func (c *cli) findHome() error {
	here, err := syscall.Getwd()
	if c.Chdir == "" || err == nil && here == c.Chdir {
		if c.home = here; err != nil {
			return fmt.Errorf("the working directory: %w", err)
		}
		return nil
	}
	if err := isFolder("--chdir", c.Chdir); err != nil {
		return err
	}
	c.home, err = filepath.EvalSymlinks(c.Chdir)
	return err
}

// together checks options that are about each other.
func (c *cli) together() (errs []error) {
	for _, rule := range []struct {
		broken bool
		fault  string
	}{
		{c.Warmup != "" && !strings.HasPrefix(c.Warmup, "/"),
			fmt.Sprintf("--warmup %s: a path begins with /", c.Warmup)},
		{c.Reload && *c.Workers > 1,
			"--reload is for development and serves with one worker: leave --workers and WEB_CONCURRENCY out"},
		{c.Reload && c.MaxRequests > 0,
			"--reload and --max-requests exclude each other: while developing, only a change replaces the worker"},
		{c.Preload && c.Reload,
			"--reload and --preload exclude each other: with --reload the workers watch what they have imported"},
	} {
		if rule.broken {
			errs = append(errs, errors.New(rule.fault))
		}
	}
	return errs
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
		return fmt.Errorf("%s %s: there is no such directory: create it, or leave that out", flag, path)
	case err != nil:
		return fmt.Errorf("%s: %w", flag, err)
	case !info.IsDir():
		return fmt.Errorf("%s %s: it is not a directory", flag, path)
	}
	return nil
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
		HeaderMap: c.HeaderMap, HealthPath: c.HealthPath, Debug: c.Debug,
		HTTP: httpserver.Options{
			AccessLog: accessLog, StreamRequests: c.RequestBuffering == "off",
			HeaderTimeout: time.Duration(c.HeaderTimeout), IdleTimeout: time.Duration(c.KeepAlive),
			MaxBody: int64(c.MaxBody), BodyBuffer: int(c.BodyBuffer), SpoolDir: c.SpoolDir,
		},
	}
}
