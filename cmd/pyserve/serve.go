package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/pyserve/pyserve"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/pyhost"
)

// serve runs the application until a signal ends it. It returns the exit code.
func serve(c *cli) int {
	accessLog, err := httpserver.OpenAccessLog(c.AccessLog, c.AccessLogFormat)
	if err != nil {
		return failure(err)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	listeners, err := listen(c.Bind)
	if err != nil {
		return failure(err)
	}
	c.banner(listeners)
	started := quitWhileStarting(signals, listeners)
	err = pyserve.Main(c.options(), func(rt *pyserve.Runtime) error {
		server, err := rt.Server(c.application(accessLog))
		started <- struct{}{}
		if err != nil {
			closeAll(listeners)
			return err
		}
		return serveUntilSignal(c, server, listeners, signals)
	})
	return report(c.app, err)
}

// quitWhileStarting lets a signal end the process while the application is imported, which may take long or
// hang. It stops when something is received from it.
func quitWhileStarting(signals <-chan os.Signal, listeners []net.Listener) (started chan<- struct{}) {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				if ends(s) {
					closeAll(listeners) // which removes unix sockets
					quit(s)
				}
			case <-done:
				return
			}
		}
	}()
	return done
}

// report says why serving ended, if that was not asked for.
func report(app string, err error) int {
	var exception *pyhost.Error
	if errors.As(err, &exception) && exception.Traceback() != "" {
		say("%s could not be imported:", app)
		fmt.Fprint(stderr, exception.Traceback())
		return exitFailure
	}
	if err != nil {
		return failure(err)
	}
	return exitOK
}

// listen opens all addresses, or none.
func listen(addresses []string) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, address := range addresses {
		l, err := httpserver.Listen(address)
		if err != nil {
			closeAll(listeners)
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// urls names listeners as a client would.
func urls(listeners []net.Listener) string {
	var names []string
	for _, l := range listeners {
		if l.Addr().Network() == "unix" {
			names = append(names, "unix:"+l.Addr().String())
		} else {
			names = append(names, "http://"+l.Addr().String())
		}
	}
	return strings.Join(names, ", ")
}

// banner says what is about to be served.
func (c *cli) banner(listeners []net.Listener) {
	python := pyhost.BuildPython()
	where := python.Executable
	if c.Venv != "" {
		where = c.Venv
	}
	say("%s serves %s on %s", pyserve.Version, c.app, urls(listeners))
	say("CPython %s from %s, %d threads, process %d", python.Version, where, c.Threads, os.Getpid())
	if c.Debug {
		say("WARNING: --debug shows source code and data of the application to everybody who can reach it")
	}
	if n := os.Getenv("WEB_CONCURRENCY"); n != "" && n != "1" {
		say("WEB_CONCURRENCY=%s asks for worker processes: this version has one process; see --threads", n)
	}
}

// serveUntilSignal serves until a signal asks for the end, then drains.
func serveUntilSignal(c *cli, server httpserver.Engine, listeners []net.Listener, signals <-chan os.Signal) error {
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- server.Serve(l) }()
	}
	say("ready on %s (%s)", urls(listeners), c.app)
	for {
		select {
		case err := <-failed:
			return err
		case s := <-signals:
			if !ends(s) {
				continue
			}
			say("%s: finishing the running requests", s)
			go quitOnSecond(signals)
			return drain(c, server)
		}
	}
}

// ends reports whether a signal ends the server gracefully. The customary signals for a reload and for log
// files would kill a process that does not catch them; here they are only refused.
func ends(s os.Signal) bool {
	switch s {
	case syscall.SIGQUIT:
		quit(s)
	case syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2:
		if s == syscall.SIGHUP && onTerminal() {
			return true // it was closed
		}
		say("%s is ignored: this version can neither reload nor reopen its log", s)
		return false
	}
	return true
}

func onTerminal() bool {
	info, err := os.Stderr.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// quitOnSecond ends the process at once when the first signal was not enough.
func quitOnSecond(signals <-chan os.Signal) {
	for s := range signals {
		if s == syscall.SIGINT || s == syscall.SIGQUIT {
			quit(s)
		}
	}
}

// drain finishes what runs, within the graceful timeout, which also bounds the application's exit
// functions: the process ends then whatever they do.
func drain(c *cli, server httpserver.Engine) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.GracefulTimeout))
	defer cancel()
	time.AfterFunc(time.Duration(c.GracefulTimeout)+exitGrace, func() {
		say("the application did not come to an end within the graceful timeout")
		os.Exit(exitOK)
	})
	if err := server.Shutdown(ctx); err != nil {
		say("requests were still running after the graceful timeout of %s: they are cut off", c.GracefulTimeout)
		os.Exit(exitOK)
	}
	return nil
}

// exitGrace is how long atexit functions may take beyond the graceful timeout.
const exitGrace = 2 * time.Second

// quit ends the process at once, as if the signal had.
func quit(s os.Signal) {
	say("%s: quitting at once", s)
	os.Exit(128 + int(s.(syscall.Signal)))
}
