package main

import (
	"context"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/systemd"
)

// passedSockets returns the descriptors of the sockets that systemd has opened, none if it has not.
func (m *master) passedSockets() (fds []int, err error) {
	passed, err := systemd.Listeners()
	for _, l := range passed {
		m.log.Info("a socket of systemd", "name", l.Name, "address", l.Address)
		fds = append(fds, l.FD)
	}
	return fds, err
}

// tellManager tells systemd how this master is. One that has taken over says so first.
func (m *master) tellManager(state supervise.State, status string) error {
	switch state {
	case supervise.Ready:
		if m.tookOver {
			m.tookOver = false
			return systemd.Takeover(status)
		}
		return systemd.Notify(systemd.Ready, status)
	case supervise.Reloading:
		return systemd.Notify(systemd.Reloading, status)
	case supervise.Stopping:
		return systemd.Notify(systemd.Stopping, status)
	}
	return nil // it is starting: systemd knows
}

// keepAlive gives systemd signs of life for as long as the supervisor answers and a worker serves, or will.
func (m *master) keepAlive(ctx context.Context) {
	interval, err := systemd.WatchdogInterval()
	if err != nil {
		m.log.Warn("systemd will get no signs of life", "error", err)
		return
	}
	go systemd.KeepAlive(ctx, interval, func() bool {
		status := m.supervisor.Status()
		return status.Serving > 0 || status.State != supervise.Ready
	}, m.log)
}
