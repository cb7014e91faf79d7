package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pyserve/pyserve"
	"github.com/pyserve/pyserve/httpserver"
)

// prepare checks the settings together, makes paths absolute, fills in what depends on the surroundings,
// and changes the process as they say: environment, then working folder. It reports every fault at once.
func (c *cli) prepare() error {
	var errs []error
	c.absolutePaths()
	if err := c.enter(); err != nil {
		errs = append(errs, err)
	}
	if c.Threads < 1 {
		errs = append(errs, fmt.Errorf("--threads must be 1 or more, not %d", c.Threads))
	}
	if c.Queue < 1 {
		errs = append(errs, fmt.Errorf("--queue must be 1 or more, not %d", c.Queue))
	}
	if len(c.Bind) == 0 {
		c.Bind = []string{"127.0.0.1:8000"}
		if port := os.Getenv("PORT"); port != "" {
			c.Bind = []string{"0.0.0.0:" + port}
		}
	}
	if c.Venv == "" {
		c.Venv = findVenv()
	}
	return errors.Join(append(errs, c.application(nil).Validate())...)
}

// absolutePaths makes what was written for the folder that pyserve was started in independent of --chdir.
func (c *cli) absolutePaths() {
	absolute := func(path *string) {
		if full, err := filepath.Abs(*path); err == nil && *path != "" {
			*path = full
		}
	}
	absolute(&c.Venv)
	absolute(&c.SpoolDir)
	if c.AccessLog != "-" && c.AccessLog != "off" {
		absolute(&c.AccessLog)
	}
	for i := range c.Pythonpath {
		absolute(&c.Pythonpath[i])
	}
	for i, bind := range c.Bind {
		if path, unix := strings.CutPrefix(bind, "unix:"); unix {
			absolute(&path)
			c.Bind[i] = "unix:" + path
		}
	}
}

// enter applies --env and --chdir.
func (c *cli) enter() error {
	var errs []error
	for _, pair := range c.Env {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			errs = append(errs, fmt.Errorf("--env takes NAME=VALUE, not %q", pair))
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			errs = append(errs, fmt.Errorf("--env %s: %w", pair, err))
		}
	}
	if c.Chdir != "" {
		if err := os.Chdir(c.Chdir); err != nil {
			errs = append(errs, fmt.Errorf("--chdir: %w", err))
		}
	}
	return errors.Join(errs...)
}

// findVenv returns the environment that a developer would expect to be used, "" if there is none.
func findVenv() string {
	if dir := os.Getenv("VIRTUAL_ENV"); dir != "" {
		return dir
	}
	for _, name := range []string{".venv", "venv"} {
		if _, err := os.Stat(filepath.Join(name, "pyvenv.cfg")); err == nil {
			if dir, err := filepath.Abs(name); err == nil {
				return dir
			}
		}
	}
	return ""
}

// options returns the settings of the Python runtime.
func (c *cli) options() pyserve.Options {
	return pyserve.Options{
		Venv: c.Venv, Force: c.Force, PythonPath: c.Pythonpath,
		Argv: []string{"pyserve", c.app}, Threads: c.Threads, Queue: c.Queue, Log: newLog(c.LogLevel),
	}
}

// application returns the settings of the application.
func (c *cli) application(accessLog *httpserver.AccessLog) pyserve.App {
	return pyserve.App{
		Name: c.app, Mount: c.Mount, TrustedProxies: c.TrustedProxies, HeaderMap: c.HeaderMap, Debug: c.Debug,
		HTTP: httpserver.Options{
			AccessLog: accessLog, StreamRequests: c.RequestBuffering == "off",
			MaxBody: int64(c.MaxBody), BodyBuffer: int(c.BodyBuffer), SpoolDir: c.SpoolDir,
		},
	}
}
