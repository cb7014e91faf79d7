package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
	"github.com/pyserve/pyserve/pyhost"
)

// serveAsWorker serves with what the master has handed down.
func serveAsWorker(c *cli, in *handover.Worker) int {
	// INT and HUP reach the whole process group from a terminal, and are the master's. They are caught and not
	// ignored, as an ignored signal would stay so in every program that the application starts.
	pyhost.SetTitle(fmt.Sprintf("pyserve: worker %d [%s]", in.Slot, c.app))
	if in.Group {
		if err := syscall.Setpgid(0, 0); err != nil {
			return failure(fmt.Errorf("a process group for the worker: %w", err))
		}
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2,
		syscall.SIGTTIN, syscall.SIGTTOU)
	listeners, err := inherit(in.Listeners)
	if err != nil {
		return failure(err)
	}
	board, err := scoreboard.Open(int(in.Board))
	if err != nil {
		return failure(err)
	}
	control := handover.Open(int(in.Control))
	row := board.Worker(in.Slot)
	row.SetPID(os.Getpid())
	unix.CloseOnExec(int(in.Crash))
	s := &session{c: c, listeners: listeners, options: c.options(), orders: make(chan order)}
	s.options.Process.CrashFile = os.NewFile(uintptr(in.Crash), "crash")
	s.stacks = s.options.Process.CrashFile
	s.options.Process.Row = row
	s.options.Process.QuietImport = in.Quiet
	retire := func(reason string, stuck bool) {
		message := handover.Retire
		if stuck {
			message = handover.Stuck
		}
		_ = control.Send(message, reason) // a master that is gone is noticed by its silence
	}
	s.options.Stuck = func(reason string, gil bool) {
		if gil { // no request gets on, and no way of leaving would either
			retire(reason, true)
			s.flushLogs()
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		retire(reason, true)
	}
	begun := retireInterrupted(time.Now(), &s.options, func(reason string) { retire(reason, false) })
	s.watch = func(*pyserve.Runtime) { go retireAfter(c.requestLimit(), row, retire) }
	if c.Reload {
		changes, err := c.watchSources()
		if err != nil {
			return failure(err)
		}
		go changes.report(func(file string) {
			if row.State() != scoreboard.Draining {
				_ = control.Send(handover.Change, file)
			}
		})
		s.watch = func(rt *pyserve.Runtime) { go changes.follow(rt) }
	}
	s.options.Process.ForkClose = []int{control.FD()}
	s.begun = func() {
		begun()
		row.SetState(scoreboard.Ready)
		_ = control.Send(handover.Ready, "")
	}
	go s.obeySignals(signals, func() { _ = control.Send(handover.Leave, "") })
	go s.obeyMaster(control, row)
	code := s.run()
	if code == exitOK {
		_ = control.Send(handover.Left, "")
	}
	return code
}

// requestLimit is after how many requests this worker is to be replaced; 0 is never.
func (c *cli) requestLimit() int64 {
	if c.MaxRequests == 0 {
		return 0
	}
	return int64(c.MaxRequests + rand.IntN(c.MaxRequestsJitter+1))
}

// retireAfter asks the master for a successor after so many requests.
func retireAfter(limit int64, row *scoreboard.Worker, retire func(reason string, stuck bool)) {
	if limit == 0 {
		return
	}
	for row.Requests() < limit {
		time.Sleep(retireInterval)
	}
	retire("max requests", false)
}

const retireInterval = 50 * time.Millisecond

// inherit makes listeners of what was handed down.
func inherit(handed []handover.Listener) (listeners []net.Listener, err error) {
	for _, in := range handed {
		l, err := httpserver.Inherit(int(in.FD))
		if err != nil {
			return nil, fmt.Errorf("descriptor %d of the master: %w", in.FD, err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// obeySignals calls leaves before it obeys one that ends the worker: the master may not be who sent it.
func (s *session) obeySignals(signals <-chan os.Signal, leaves func()) {
	for sig := range signals {
		switch sig {
		case syscall.SIGTERM:
			leaves()
			s.orders <- order{finish, sig.String()}
		case syscall.SIGQUIT:
			leaves()
			s.orders <- order{quit, sig.String()}
		case syscall.SIGUSR1:
			s.orders <- order{reopenLogs, sig.String()}
		}
	}
}

// obeyMaster passes on what the master says. When it is gone this worker leaves too.
func (s *session) obeyMaster(control *handover.Control, row *scoreboard.Worker) {
	for {
		message, _, err := control.Receive()
		switch {
		case err != nil:
			say("worker %d: the master is gone: finishing the running requests", os.Getpid())
			s.orders <- order{finish, "the master's end"}
			return
		case message == handover.Drain:
			row.SetState(scoreboard.Draining)
			s.orders <- order{drain, "the master"}
		case message == handover.Finish:
			s.orders <- order{finish, "the master"}
		case message == handover.Quit:
			s.orders <- order{quit, "the master"}
		}
	}
}
