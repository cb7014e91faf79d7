package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pyserve/pyserve/pyhost"
)

// applySurroundings changes the process as the settings say, which prepare has checked: environment, file mode creation mask, working
// directory.
func (c *cli) applySurroundings() error {
	var errs []error
	for _, pair := range c.Env {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(name, value); err != nil {
			errs = append(errs, fmt.Errorf("--env %s: %w", masked(pair), err))
		}
	}
	if c.Umask != nil {
		syscall.Umask(int(*c.Umask))
	}
	// Whoever is there already need not be allowed to go there.
	if here, err := syscall.Getwd(); c.Chdir != "" && (err != nil || here != c.Chdir) {
		if err := os.Chdir(c.Chdir); err != nil {
			errs = append(errs, fmt.Errorf("--chdir: %w", err))
		}
	}
	return errors.Join(errs...)
}

// checkEnv checks the form of --env.
func checkEnv(pairs []string) (errs []error) {
	for _, pair := range pairs {
		if name, _, found := strings.Cut(pair, "="); !found || name == "" {
			errs = append(errs, fmt.Errorf("--env takes NAME=VALUE, not %q", masked(pair)))
		}
	}
	return errs
}

// findVenv returns the environment that a developer would expect to be used for the application in a folder, "" if there
// is none.
func findVenv(home string) string {
	if pyhost.Extension {
		return "" // it runs in the right one
	}
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
