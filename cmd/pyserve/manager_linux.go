package main

import (
	"context"
	"net"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/systemd"
	"github.com/pyserve/pyserve/httpserver"
)

// openListeners takes the sockets that systemd has opened, which stay its own (foreign), or opens those of --bind.
func (c *cli) openListeners() (listeners []net.Listener, foreign bool, err error) {
	passed, err := systemd.Listeners()
	if err != nil {
		return nil, false, err
	}
	if len(passed) == 0 {
		listeners, err = httpserver.ListenAll(c.Bind)
		return listeners, false, err
	}
	var handed []handover.Listener
	for _, l := range passed {
		say("systemd's socket %s is %s", l.Name, l.Address)
		handed = append(handed, handover.Listener{FD: handover.Descriptor(l.FD)})
	}
	listeners, err = inherit(handed)
	return listeners, true, err
}

// tellManager reports the state of a process without workers to systemd.
func (c *cli) tellManager(state systemd.State) {
	if err := systemd.Notify(state, ""); err != nil {
		say("%v", err)
	}
}

// keepAlive gives systemd signs of life of a process without workers, from ready on and for as long as healthy. It takes systemd's
// variables out of the environment.
func (c *cli) keepAlive(ready <-chan struct{}, healthy func() bool) {
	interval, err := systemd.WatchdogInterval()
	if err != nil {
		say("systemd will get no signs of life: %v", err)
	}
	systemd.Hide()
	go func() {
		<-ready
		systemd.KeepAlive(context.Background(), interval, healthy, newLog(c.LogLevel))
	}()
}

func (c *cli) tellReady()    { c.tellManager(systemd.Ready) }
func (c *cli) tellStopping() { c.tellManager(systemd.Stopping) }

// tellManager reports the state of this master to systemd. One that has taken over says so first.
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
		return m.supervisor.Answers(interval/4) && (status.Serving > 0 || status.State != supervise.Ready)
	}, m.log)
}
