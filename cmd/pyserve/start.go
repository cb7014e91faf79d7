package main

import (
	"os"
	"sync/atomic"
	"time"

	"github.com/pyserve/pyserve"
)

// A start is the time until a session serves.
type start struct {
	timer  *time.Timer // nil without a limit
	python atomic.Pointer[pyserve.Runtime]
}

// startTimeout is --start-timeout; 0 is forever. Who develops may stand in a debugger, and the next change of a file
// ends an import that hangs.
func (c *cli) startTimeout() time.Duration {
	if c.Reload {
		return 0
	}
	return time.Duration(c.StartTimeout)
}

// limitStart ends the process, having reported where Python is, unless starting.over comes in time.
func (s *session) limitStart() {
	limit := s.c.startTimeout()
	if limit == 0 {
		return
	}
	s.starting.timer = time.AfterFunc(limit, func() {
		say("process %d: %s is not ready within --start-timeout %s: its start is given up", os.Getpid(), s.c.app, s.c.StartTimeout)
		file := s.stacks
		if file == nil {
			file = os.Stderr
		}
		if rt := s.starting.python.Load(); rt != nil {
			if err := rt.WriteStacks(file); err != nil {
				say("%v", err)
			}
		}
		s.exit(exitFailure)
	})
}

func (s *start) over() {
	if s.timer != nil {
		s.timer.Stop()
	}
}
