package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// A masterStatus is what `pyserve status` shows.
type masterStatus struct {
	Version, App string
	PID          int
	Listening    string
	supervise.Status
	Counts []workerCounts
	// Total is what all workers together have counted since the master was started.
	Total scoreboard.Summary
}

// workerCounts are of the worker in the same place of Status.Workers.
type workerCounts struct {
	scoreboard.Summary
	InRequests []string
}

// statusAddress is where the master with that process id shows its status: a name in the abstract namespace
// (unix(7)), which leaves no file and ends with the process.
func statusAddress(pid int) string { return fmt.Sprintf("@pyserve/%d", pid) }

// serveStatus sends the status to whoever connects, if it is the same user or root: a request's path may be a secret.
func (m *master) serveStatus() (end func()) {
	l, err := net.Listen("unix", statusAddress(os.Getpid()))
	if err != nil {
		m.log.Warn("pyserve status and reload will not work", "error", err)
		return func() {}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(statusTimeout))
			if mayAsk(c.(*net.UnixConn)) {
				_ = json.NewEncoder(c).Encode(m.status())
			}
			c.Close()
		}
	}()
	return func() { l.Close() }
}

const statusTimeout = 5 * time.Second

func mayAsk(c *net.UnixConn) bool {
	peer, err := peerOf(c)
	return err == nil && (peer.Uid == 0 || int(peer.Uid) == os.Geteuid())
}

// peerOf returns who is at the other end (SO_PEERCRED in unix(7)): of a client, who connected; of a server, who
// began to listen.
func peerOf(c *net.UnixConn) (peer *unix.Ucred, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	failed := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	return peer, errors.Join(failed, err)
}

func (m *master) status() masterStatus {
	s := masterStatus{Version: pyserve.Version, App: m.c.app, PID: os.Getpid(), Listening: urls(m.listeners), Status: m.supervisor.Status()}
	total := m.board.Stats()
	s.Total = total.Summary()
	for _, w := range s.Workers {
		row := m.board.Worker(w.Slot)
		stats := row.Stats()
		counts := workerCounts{Summary: stats.Summary()}
		for _, r := range row.InRequests() {
			counts.InRequests = append(counts.InRequests, r.String())
		}
		s.Counts = append(s.Counts, counts)
	}
	return s
}

// askStatus returns what the master with that process id says of itself. Anybody may have taken the name before it: so who
// answers must be that process, and its user.
func askStatus(pid int) (s masterStatus, err error) {
	c, err := net.DialTimeout("unix", statusAddress(pid), statusTimeout)
	if err != nil {
		return s, fmt.Errorf("process %d does not report its status; is it a pyserve with workers, in this network namespace? (%w)", pid, err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(statusTimeout))
	peer, err := peerOf(c.(*net.UnixConn))
	if err != nil {
		return s, err
	}
	if uid, err := userOf(pid); err != nil || int(peer.Pid) != pid || peer.Uid != uid {
		return s, fmt.Errorf("process %d does not report its status: process %d of user %d has taken its place", pid, peer.Pid, peer.Uid)
	}
	if err := json.NewDecoder(io.LimitReader(c, maxStatus)).Decode(&s); err != nil {
		return s, fmt.Errorf("process %d does not report its status; only the same user and root may ask (%w)", pid, err)
	}
	if len(s.Counts) != len(s.Workers) {
		return s, fmt.Errorf("process %d reports its status in another form: it is another version of pyserve", pid)
	}
	return s, nil
}

// maxStatus is more than thousands of workers fill, in bytes.
const maxStatus = 64 << 20

// userOf returns the effective user of a process.
func userOf(pid int) (uid uint32, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, line, _ := strings.Cut(string(data), "\nUid:")
	_, err = fmt.Sscan(line, new(uint32), &uid)
	return uid, err
}
