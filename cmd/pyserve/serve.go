package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/pyserve/pyserve"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/process"
	"github.com/pyserve/pyserve/pyhost"
)

// serve does the part of a server that this process has: the master's, a worker's, or all of it. It returns the
// exit code.
func serve(c *cli, worker *handover.Worker, upgrade *handover.Upgrade) int {
	c.limitHeap()
	switch {
	case worker != nil:
		return serveAsWorker(c, worker)
	case *c.Workers > 0:
		return serveAsMaster(c, upgrade)
	}
	return serveAlone(c)
}

// serveAlone serves in this process.
func serveAlone(c *cli) int {
	id, err := c.identity()
	if err == nil {
		c.giveSockets(id)
		err = id.become()
	}
	if err != nil {
		return failure(err)
	}
	terminal := newTerminal()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	listeners, _, err := c.openListeners()
	if err != nil {
		return failure(err)
	}
	var pidFile *process.PIDFile
	if c.PidFile != "" {
		if pidFile, err = process.WritePID(c.PidFile, 0); err != nil {
			closeAll(listeners)
			return failure(err)
		}
	}
	c.banner()
	ready, stuck := make(chan struct{}), new(atomic.Bool)
	c.keepAlive(ready, func() bool { return !stuck.Load() })
	s := &session{c: c, listeners: listeners, options: c.options(), orders: make(chan order),
		begun: func() { c.sayReady(listeners); c.tellReady(); close(ready) }}
	s.options.Stuck = func(_ string, gil bool) {
		if gil {
			stuck.Store(true)
		}
	}
	s.cleanUp = func() {
		c.tellStopping()
		pidFile.Remove()
	}
	if pidFile != nil { // or a process that the application forks would hold its lock
		s.options.Process.ForkClose = append(s.options.Process.ForkClose, pidFile.FD())
	}
	defer s.cleanUp()
	go func() {
		for sig := range signals {
			if do, known := orderAlone(sig, terminal); known {
				s.orders <- order{do, sig.String()}
			} else {
				say("%s is ignored: there are no workers (--workers 0)", sig)
			}
		}
	}()
	return s.run()
}

// orderAlone says what a signal means to a process without a master.
func orderAlone(s os.Signal, t *terminal) (do action, known bool) {
	switch s {
	case syscall.SIGTERM, syscall.SIGINT:
		return finish, true
	case syscall.SIGQUIT:
		return quit, true
	case syscall.SIGUSR1:
		return reopenLogs, true
	case syscall.SIGHUP:
		return finish, !t.nohup && t.hungUp()
	}
	return 0, false
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// urls names listeners as a client would.
func urls(listeners []net.Listener) string {
	var names []string
	for _, l := range listeners {
		if l.Addr().Network() == "unix" {
			names = append(names, "unix:"+l.Addr().String())
		} else {
			names = append(names, "http://"+reachable(l))
		}
	}
	return strings.Join(names, ", ")
}

// reachable is a listener's address. For every address of both kinds it is 0.0.0.0, as people know it and browsers
// open it: [::] they do not.
func reachable(l net.Listener) string {
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok || !address.IP.Equal(net.IPv6unspecified) || onlyIPv6(l) {
		return l.Addr().String()
	}
	return net.JoinHostPort("0.0.0.0", strconv.Itoa(address.Port))
}

func onlyIPv6(l net.Listener) bool {
	only := 1
	if sc, ok := l.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { only, _ = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY) })
		}
	}
	return only != 0
}

// banner says what is about to be imported.
func (c *cli) banner() {
	python := pyhost.BuildPython()
	where := python.Executable
	if c.Venv != "" {
		where = c.Venv
	}
	say("%s, process %d, is starting %s with %s", pyserve.Version, os.Getpid(), c.app, c.size())
	say("CPython %s from %s", python.Version, where)
	if c.Debug {
		say("WARNING: --debug shows source code and data of the application to everybody who can reach it")
	}
}

// size says how many requests can be worked on.
func (c *cli) size() string {
	switch n := int(*c.Workers); n {
	case 0:
		return count(c.Threads, "thread")
	default:
		return count(n, "worker") + " of " + count(c.Threads, "thread")
	}
}

// count returns "1 thread", "2 threads".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (c *cli) sayReady(listeners []net.Listener) { say("ready on %s (%s)", urls(listeners), c.app) }
