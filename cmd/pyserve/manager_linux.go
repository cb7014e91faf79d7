package main

import (
	"context"
	"net"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/systemd"
)

// openListeners takes the sockets that systemd has opened, or opens those of --bind.
func (c *cli) openListeners() ([]net.Listener, error) {
	passed, err := systemd.Listeners()
	if err != nil {
		return nil, err
	}
	if len(passed) == 0 {
		return listen(c.Bind)
	}
	var fds []int
	for _, l := range passed {
		say("systemd's socket %s is %s", l.Name, l.Address)
		fds = append(fds, l.FD)
	}
	return inherit(fds)
}

// tellManager tells systemd how a process without workers is.
func (c *cli) tellManager(state systemd.State) {
	if err := systemd.Notify(state, ""); err != nil {
		say("%v", err)
	}
}

func (c *cli) tellReady()    { c.tellManager(systemd.Ready) }
func (c *cli) tellStopping() { c.tellManager(systemd.Stopping) }

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
