package supervise

import "log/slog"

// Upgrade (SIGUSR2) starts the program's new binary as another master. When that one is ready this one's workers
// drain and Run returns 0; when it fails this one stays.
func (s *Supervisor) Upgrade() {
	s.events.post(func() {
		switch {
		case s.stopping != running:
			return
		case s.upgrading || !s.settled:
			s.record(slog.LevelWarn, "no upgrade now: a start or an upgrade is going on", nil)
			return
		}
		s.upgrading = true
		s.record(slog.LevelInfo, "upgrade: starting a new master", nil)
		s.task(func() error { return s.system.Upgrade(s.context) }, s.upgraded)
	})
}

func (s *Supervisor) upgraded(err error) {
	s.upgrading = false
	switch {
	case err == nil:
		// Whatever this one was doing, even stopping: the service manager now hears from the new master.
		s.handedOver = true
		s.stop(handover)
	case s.stopping == running:
		s.record(slog.LevelError, "upgrade failed: this master stays", []slog.Attr{slog.Any("error", err)})
	}
}
