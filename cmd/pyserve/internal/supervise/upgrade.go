package supervise

import "log/slog"

// upgradeFactor is how many times Options.StartTimeout an upgrade may take.
const upgradeFactor = 3

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
		s.upgradeSlow = remind(s.now)
		ctx, cancel := s.limited(upgradeFactor * s.options.StartTimeout)
		s.task(func() error {
			defer cancel()
			return s.system.Upgrade(ctx)
		}, s.upgraded)
	})
}

func (s *Supervisor) upgraded(err error) {
	s.upgrading, s.upgradeSlow = false, reminder{}
	switch {
	case err == nil:
		// Whatever this one was doing, even stopping: the service manager now hears from the new master.
		s.handedOver = true
		s.stop(handover)
	case s.stopping == running:
		s.record(slog.LevelError, "upgrade failed: this master stays", []slog.Attr{slog.Any("error", err)})
	}
}
