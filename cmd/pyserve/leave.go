package main

import (
	"context"
	"time"

	"github.com/pyserve/pyserve"
)

// The time of a session that leaves, counted from the order:
//
//	idle    until then an idle connection may make one more request, if others serve; then it is closed
//	unwind  what still runs is ended, and its `finally` runs
//	cut     the process ends, if requests go on in spite of that
//	exit    the process ends, whatever exit functions do
type leaving struct{ idle, unwind, cut, exit time.Duration }

const (
	longestIdle   = 10 * time.Second
	longestUnwind = 2 * time.Second
	cutGrace      = time.Second
	exitGrace     = 2 * time.Second
)

// leavingTimes divides the graceful time-out. What begins on an idle connection in the last moment has some time left
// before it is ended.
func leavingTimes(graceful time.Duration) leaving {
	return leaving{
		idle:   min(graceful-min(graceful/4, 3*time.Second), longestIdle),
		unwind: graceful - min(graceful/10, longestUnwind),
		cut:    graceful + cutGrace,
		exit:   graceful + exitGrace,
	}
}

// leave finishes what runs, within the graceful time-out.
func (s *session) leave(app *pyserve.Application, o order) error {
	graceful := time.Duration(s.c.GracefulTimeout)
	times := leavingTimes(graceful)
	hurry, hurried := context.WithTimeout(context.Background(), times.idle) // drain only as long as nobody wants it faster
	defer hurried()
	ctx, cancel := context.WithTimeout(context.Background(), times.cut) // threads may be unwinding when the engine is through
	go s.obeyWhileLeaving(hurried)
	time.AfterFunc(times.exit, func() {
		cancel()
		say("the application did not come to an end within the graceful time-out")
		s.exit(exitOK)
	})
	defer time.AfterFunc(times.unwind, func() { app.EndRequests(ctx) }).Stop()
	defer time.AfterFunc(graceful, func() {
		say("the graceful time-out of %s is over: the connections that are left are closed", s.c.GracefulTimeout)
		_ = app.Close() // threads that wait for a client come back
	}).Stop()
	if o.do == drain {
		app.Drain(hurry)
	}
	err := app.Shutdown(ctx)
	if err != nil && ctx.Err() == nil {
		return err
	}
	if err != nil {
		say("requests were still running after the graceful time-out of %s: they are cut off", s.c.GracefulTimeout)
		s.exit(exitOK)
	}
	return nil
}

func (s *session) obeyWhileLeaving(hurried func()) {
	for o := range s.orders {
		switch o.do {
		case quit:
			s.quit(o)
		case finish:
			hurried()
		case reopenLogs:
			s.reopenLogs(o)
		}
	}
}
