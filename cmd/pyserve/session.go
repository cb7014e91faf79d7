package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/pyserve/pyserve"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/pyhost"
)

// A session is a process that serves: a worker, or the only one there is. Whoever made it gives it orders.
type session struct {
	c         *cli
	listeners []net.Listener
	options   pyserve.Options
	orders    chan order
	// begun is called when requests are being taken.
	begun func()
	// watch, if not nil, is called before that, and may look after the application until the process ends.
	watch func(*pyserve.Runtime)

	// stacks is where the Python stacks go when the start takes too long; nil is standard error.
	stacks *os.File

	// cleanUp, if not nil, is called before the process ends in the middle of something.
	cleanUp func()

	accessLog *httpserver.AccessLog
	quitting  sync.Once
	starting  start
}

// An order is what somebody wants of a session.
type order struct {
	do  action
	why string // for people
}

type action int

const (
	reopenLogs action = iota // reopen the log files
	drain                    // leave: others take the requests that come, so idle connections may make one more
	finish                   // leave: answer what is running
	quit                     // leave immediately
)

// run serves until an order ends it. It returns the exit code. It must be called on the main thread.
func (s *session) run() int {
	var err error
	if s.accessLog, err = httpserver.OpenAccessLog(s.c.AccessLog, s.c.AccessLogFormat, s.options.Log); err != nil {
		return failure(err)
	}
	defer func() { _ = s.accessLog.Close() }()
	imported := s.quitWhileImporting()
	s.limitStart()
	err = pyserve.Main(s.options, func(rt *pyserve.Runtime) error {
		s.starting.python.Store(rt)
		app, err := rt.Load(context.Background(), s.c.application(s.accessLog))
		switch {
		case err == nil:
			err = s.warmUp(app)
		case s.c.Reload: // until it is mended
			report(s.c.app, err)
			app, err = rt.ErrorPage(s.c.application(s.accessLog), err)
		}
		imported <- struct{}{}
		if err != nil {
			closeAll(s.listeners)
			return err
		}
		if s.watch != nil {
			s.watch(rt)
		}
		return s.serve(app)
	})
	return report(s.c.app, err)
}

// quitWhileImporting obeys while the application is imported, which may take long or hang. It stops when
// something is received from it.
func (s *session) quitWhileImporting() (imported chan<- struct{}) {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case o := <-s.orders:
				if o.do != reopenLogs {
					s.quit(o)
				}
			case <-done:
				return
			}
		}
	}()
	return done
}

// warmUp has the application answer --warmup, so that what it makes at its first request is there at the first one
// of a client.
func (s *session) warmUp(app *pyserve.Application) error {
	if s.c.Warmup == "" {
		return nil
	}
	status, err := app.Get(s.c.Warmup)
	if err == nil && status >= http.StatusInternalServerError {
		err = fmt.Errorf("the answer is %d", status)
	}
	if err != nil {
		return fmt.Errorf("--warmup %s: %w", s.c.Warmup, err)
	}
	return nil
}

// serve serves until an order ends it, then drains.
func (s *session) serve(app *pyserve.Application) error {
	failed := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { failed <- app.Serve(l) }()
	}
	s.starting.over()
	s.begun()
	for {
		select {
		case err := <-failed:
			return err
		case o := <-s.orders:
			switch o.do {
			case reopenLogs:
				go s.reopenLogs(o) // which may hang with the disk
			case quit:
				s.quit(o)
			default:
				return s.leave(app, o)
			}
		}
	}
}

func (s *session) reopenLogs(o order) {
	if err := s.accessLog.Reopen(); err != nil {
		say("%s: the access log stays with its old file: %v", o.why, err)
	}
}

// quit ends the process immediately.
func (s *session) quit(o order) {
	s.quitting.Do(func() {
		closeAll(s.listeners) // which removes unix sockets that are this process's own
		say("%s: quitting immediately", o.why)
		s.exit(exitOK)
	})
}

// flushLogs writes what the logs hold, if they can be written, before the process ends.
func (s *session) flushLogs() {
	_ = s.accessLog.Close()
	flushMessages()
}

func (s *session) exit(code int) {
	if s.cleanUp != nil {
		s.cleanUp()
	}
	s.flushLogs()
	os.Exit(code)
}

// report says why serving ended, if that was not asked for.
func report(app string, err error) int {
	var exception *pyhost.Error
	if errors.As(err, &exception) && exception.Traceback() != "" {
		say("%s could not be imported:\n%s", app, exception.Traceback())
		return exitFailure
	}
	if err != nil {
		return failure(err)
	}
	return exitOK
}
