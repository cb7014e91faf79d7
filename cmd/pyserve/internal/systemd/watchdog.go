package systemd

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// WatchdogInterval returns the time (WatchdogSec=) within which systemd wants a sign of life, after which it kills the
// service. 0 means that it wants none, or from another process. An error means that WATCHDOG_USEC or WATCHDOG_PID
// is not a number.
func WatchdogInterval() (time.Duration, error) {
	return daemon.SdWatchdogEnabled(false)
}

// KeepAlive gives signs of life, immediately and then twice in an interval, as often as healthy returns true. It returns
// when ctx ends; immediately if the interval is 0. healthy is called by the goroutine of KeepAlive: it must return soon,
// and a service that hangs in it is taken for dead, as it should be. What goes wrong is logged once, not each time.
func KeepAlive(ctx context.Context, interval time.Duration, healthy func() bool, log *slog.Logger) {
	ping := func() error { return send(daemon.SdNotifyWatchdog, "") }
	keepAlive(ctx, interval, healthy, ping, log)
}

func keepAlive(ctx context.Context, interval time.Duration, healthy func() bool, ping func() error, log *slog.Logger) {
	if interval <= 0 {
		return
	}
	ticker := time.NewTicker(max(interval/2, time.Millisecond))
	defer ticker.Stop()
	last := ""
	for {
		problem := ""
		if !healthy() {
			problem = "not healthy: systemd's watchdog gets no sign of life and will end the service"
		} else if err := ping(); err != nil {
			problem = err.Error()
		}
		switch {
		case problem == last:
		case problem != "":
			log.Error(problem, "watchdog", interval)
		default:
			log.Info("systemd's watchdog gets signs of life again")
		}
		last = problem
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
