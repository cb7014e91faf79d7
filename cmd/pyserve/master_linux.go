package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/process"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/systemd"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
	"github.com/pyserve/pyserve/pyhost"
	"github.com/pyserve/pyserve/pyhost/zygote"
)

// defaultWorkers is what --workers is when nobody says.
const defaultWorkers workers = 1

// A master has workers serve. It never runs Python. It is the supervise.System of its supervisor.
type master struct {
	c          *cli
	log        *slog.Logger
	supervisor *supervise.Supervisor
	listeners  []net.Listener
	handed     []handover.Listener // they, for workers and a new master
	foreign    bool                // they are systemd's
	board      *scoreboard.Board
	command    process.Command
	pidFile    *process.PIDFile
	upgrade    *handover.Upgrade // not nil until the master that this one replaces was told that it serves
	handedOver bool              // to another master
	said       bool              // that it is ready
	tookOver   bool              // from another master, and systemd does not know yet
	identity   *identity         // of the workers; nil is the master's own
	variables  []string          // what that means for their environment
	importing  int               // the generation that a worker was started of last

	leftovers *process.Leftovers // nil if workers are in the master's process group

	mu      sync.Mutex
	folders map[int]folders // by generation
	newest  folders
	zygotes map[int]*zygote.Zygote // by generation
}

// serveAsMaster starts workers and looks after them. It returns the exit code.
func serveAsMaster(c *cli, upgrade *handover.Upgrade) int {
	terminal := newTerminal()
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, supervise.Signals...)
	m := &master{c: c, log: newLog(c.LogLevel), upgrade: upgrade, tookOver: upgrade != nil, zygotes: map[int]*zygote.Zygote{}, folders: map[int]folders{}}
	pyhost.SetTitle(fmt.Sprintf("pyserve: master [%s]", c.app))
	if err := m.prepare(); err != nil {
		m.closeListeners()
		return failure(err)
	}
	c.banner()
	m.supervisor = supervise.New(supervise.Options{
		Workers: int(*c.Workers), Slots: m.board.Slots(), GracefulTimeout: time.Duration(c.GracefulTimeout) + exitGrace + time.Second, // workers watch their own time
		StartTimeout: m.startTimeout(), Surge: c.surge(), MaxMemory: max(int64(c.MaxMemory), 0), MaxAge: time.Duration(c.MaxAge), Log: m.log,
	})
	closeStatus := m.serveStatus()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m.keepAlive(ctx)
	go func() {
		for s := range signals {
			if terminal.sends(s) {
				m.log.Debug("a signal of the terminal, and no order", "signal", s.String())
				continue
			}
			m.supervisor.Handle(s)
		}
	}()
	code := m.supervisor.Run(m)
	closeStatus()
	m.shutDown()
	return code
}

// surge is how many processes may live beyond --workers: with --reload old ones, which browsers keep connections to,
// must not hold up the next change.
func (c *cli) surge() int {
	if c.Reload {
		return spareSlots
	}
	return 0 // the usual
}

// startTimeout is when a start is given up. A worker ends itself before, to report where it is.
func (m *master) startTimeout() time.Duration {
	if limit := m.c.startTimeout(); limit > 0 {
		return limit + selfEndMargin
	}
	return 0
}

// selfEndMargin is how much longer the master waits than a worker that watches its own time.
const selfEndMargin = 3 * time.Second

// prepare gets what the workers need.
func (m *master) prepare() (err error) {
	if m.identity, err = m.c.identity(); err != nil {
		return err
	}
	// Only one process group may read from a terminal, and who sits there may want to talk to a debugger in the worker.
	if _, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS); err != nil {
		m.leftovers = new(process.Leftovers)
	}
	m.command = process.Command{Path: running(), Args: os.Args, Env: systemd.ForWorker(started.environment)}
	if m.identity != nil {
		m.command.Credential, m.variables = &m.identity.credential, m.identity.variables
		m.command.Env = append(m.command.Env, m.variables...)
	}
	if err = m.c.prepareAccessLog(m.identity); err != nil {
		return err
	}
	m.c.giveSockets(m.identity)
	if err = m.openListeners(); err != nil {
		return err
	}
	if m.handed, err = handed(m.listeners); err != nil {
		return err
	}
	if err = m.writePID(); err != nil {
		return err
	}
	// During a reload two generations live, and those that are to leave next to those that come.
	m.board, err = scoreboard.New(2*int(*m.c.Workers)+spareSlots, m.c.Threads)
	return err
}

// spareSlots are for workers that TTIN adds.
const spareSlots = 32

func (m *master) openListeners() (err error) {
	if m.upgrade == nil {
		m.listeners, m.foreign, err = m.c.openListeners()
		return err
	}
	adopt := httpserver.Adopt
	if m.foreign = m.upgrade.Foreign; m.foreign {
		adopt = httpserver.Inherit
	}
	for _, in := range m.upgrade.Listeners {
		l, err := adopt(int(in.FD))
		if err != nil {
			return err
		}
		m.listeners = append(m.listeners, l)
	}
	if !m.foreign && !m.c.bindsTo(m.listeners) {
		m.log.Warn("the sockets are those of the master that this one replaces: a --bind that has changed counts after a restart", "listening", urls(m.listeners))
	}
	return nil
}

// handed returns what others need to accept from listeners too.
func handed(listeners []net.Listener) (all []handover.Listener, err error) {
	for _, l := range listeners {
		raw, err := l.(syscall.Conn).SyscallConn()
		if err != nil {
			return nil, err
		}
		if err := raw.Control(func(fd uintptr) { all = append(all, handover.Listener{FD: handover.Descriptor(fd)}) }); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Start implements supervise.System.
func (m *master) Start(spec supervise.Spec) (supervise.Process, error) {
	folders, err := m.foldersOf(spec.Generation)
	if err != nil {
		return nil, err
	}
	shared := process.Shared{
		Board: m.board, Listeners: m.handed, Dir: m.c.dir, Folders: folders.String(), Reload: m.c.Reload, Leftovers: m.leftovers,
		Events: m.supervisor, Log: m.log, Quiet: spec.Generation == m.importing,
	}
	m.importing = spec.Generation
	worker, err := process.StartWorker(shared, spec, m.born(spec.Generation))
	if err != nil {
		return nil, err
	}
	return worker, nil
}

// Upgrade implements supervise.System.
func (m *master) Upgrade(ctx context.Context) error {
	if started.underInit {
		return errors.New("process 1 ends with the server that it has started: replace the container, or run pyserve under an init of your own (docker run --init)")
	}
	command := m.command
	if started.err != nil {
		return fmt.Errorf("cannot find the program by the name that it was started by: %w", started.err)
	}
	command.Path, command.Dir, command.Env, command.Credential = started.path, m.c.dir, systemd.ForSuccessor(started.environment), nil
	err := process.Upgrade(ctx, command, handover.Upgrade{Listeners: m.handed, Foreign: m.foreign}, func(pid int) { m.log.Info("the new master is started", "pid", pid) })
	if err == nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.handedOver = true
	}
	return err
}

// ReopenLogs implements supervise.System. The master itself has none: workers write the access log, and all of them
// the standard error.
func (m *master) ReopenLogs() {
	if err := m.c.prepareAccessLog(m.identity); err != nil {
		m.log.Error("the workers may not be able to reopen the access log", "error", err)
	}
}

// Notify implements supervise.System.
func (m *master) Notify(state supervise.State, status string) {
	switch {
	case state == supervise.Stopping: // or clients would wait in a queue that nobody takes from
		m.closeListeners()
	case state == supervise.Ready && !m.said:
		m.said = true
		m.c.sayReady(m.listeners)
	}
	if err := m.tellManager(state, status); err != nil {
		m.log.Warn("could not notify systemd of the state", "error", err)
	}
	if state == supervise.Ready && m.upgrade != nil {
		m.takeOver() // after systemd: the old master leaves at that, and must not be the main process any more
	}
}

// takeOver lets the master that this one replaces leave.
func (m *master) takeOver() {
	// First the file, then the word: the old master, which leaves at that, removes only a file that is its own.
	if m.c.PidFile != "" {
		var err error
		if m.pidFile, err = process.WritePID(m.c.PidFile, os.Getppid()); err != nil {
			m.log.Error("the old master's PID file stays", "error", err)
		}
	}
	if err := process.SayReady(int(m.upgrade.Ready)); err != nil {
		m.log.Error("could not notify the master that this one replaces", "error", err)
	}
	m.upgrade = nil
}

func (m *master) writePID() (err error) {
	if m.c.PidFile == "" || m.upgrade != nil { // until this one serves it is the other's
		return nil
	}
	m.pidFile, err = process.WritePID(m.c.PidFile, 0)
	return err
}

// closeListeners closes the listeners. With those that another master goes on with, the one that was to be replaced
// or the one that has replaced this one, it leaves unix sockets in their folders.
func (m *master) closeListeners() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.listeners {
		if m.handedOver || m.upgrade != nil {
			_ = httpserver.Abandon(l)
		} else {
			l.Close()
		}
	}
}

// shutDown leaves nothing behind, but to another master what it goes on with.
func (m *master) shutDown() {
	if m.leftovers != nil {
		m.leftovers.Wait()
	}
	m.closeListeners()
	m.pidFile.Remove()
}
