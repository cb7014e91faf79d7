package supervise

import (
	"fmt"
	"log/slog"
)

type stopMode int

const (
	running stopMode = iota
	handover
	graceful
	quick
)

// Stop (SIGTERM) lets the workers finish their requests and leave; those that do not within GracefulTimeout are
// made to. Run then returns 0.
func (s *Supervisor) Stop() {
	s.events.post(func() { s.stop(graceful) })
}

// Quit (SIGQUIT) ends the workers immediately. Run then returns 0.
func (s *Supervisor) Quit() {
	s.events.post(func() { s.stop(quick) })
}

// Interrupt (SIGINT) is Stop, and Quit when the workers are leaving already: for people at a terminal.
func (s *Supervisor) Interrupt() {
	s.events.post(func() {
		if s.stopping < graceful {
			s.stop(graceful)
		} else {
			s.stop(quick)
		}
	})
}

// stop ends everything by mode; a milder one than that of before changes nothing.
func (s *Supervisor) stop(mode stopMode) {
	if mode <= s.stopping {
		return
	}
	s.record(slog.LevelInfo, map[stopMode]string{
		handover: "leaving: a new master serves",
		graceful: "stopping gracefully",
		quick:    "stopping immediately",
	}[mode], nil)
	s.stopping = mode
	s.cancel()
	s.candidate, s.current, s.seats = nil, nil, nil
	leave := s.drain
	if mode == graceful {
		leave = s.terminate
	}
	for _, w := range s.workers {
		switch {
		case mode == quick:
			s.quit(w)
		case w.state == Starting:
			s.recall(w, leave)
		case w.state == Ready, w.state == Draining && mode == graceful:
			leave(w)
		}
	}
}

// finished reports whether Run may return: no process is left, and no goroutine that could leave one behind.
func (s *Supervisor) finished() bool {
	return s.stopping != running && len(s.workers) == 0 && s.tasks == 0
}

// Grow (SIGTTIN) makes one worker more, and Shrink (SIGTTOU) one less, but never none.
func (s *Supervisor) Grow() { s.events.post(func() { s.scale(1) }) }

// Shrink is the opposite of Grow.
func (s *Supervisor) Shrink() { s.events.post(func() { s.scale(-1) }) }

func (s *Supervisor) scale(by int) {
	wanted := s.wanted + by
	if s.stopping != running {
		return
	}
	if wanted < 1 || s.options.Slots > 0 && wanted >= s.options.Slots { // one slot is for successors
		s.record(slog.LevelWarn, fmt.Sprintf("the number of workers stays at %d", s.wanted), nil)
		return
	}
	s.wanted = wanted
	s.record(slog.LevelInfo, fmt.Sprintf("now %s", plural(wanted, "worker")), nil)
}

// Dismiss (SIGWINCH without a terminal) lets all workers leave gracefully; the master stays, with its listeners
// open, until Reload makes workers again.
func (s *Supervisor) Dismiss() {
	s.events.post(func() {
		if s.stopping != running || s.dismissed || !s.everReady {
			return
		}
		s.record(slog.LevelInfo, "all workers leave; a reload makes new ones", nil)
		s.dismissed, s.reloading, s.settled = true, false, true
		s.abandonCandidate()
		s.current = nil
	})
}

// ReopenLogs (SIGUSR1) makes the master and the workers reopen their log files. One that is starting may have
// opened them already but may not yet know the signal: it gets it when it is ready.
func (s *Supervisor) ReopenLogs() {
	s.events.post(func() {
		s.system.ReopenLogs()
		for _, w := range s.workers {
			if w.state == Starting {
				w.reopen = true
			} else {
				s.signal(w, Reopen)
			}
		}
	})
}
