//go:build linux

package process

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// leftoverDelay is how long what a dead worker has left behind may take to end after SIGTERM.
const leftoverDelay = 2 * time.Second

// Leftovers ends what workers that died have left behind: the processes of their process groups. The zero value is
// ready for use.
type Leftovers struct{ ending sync.WaitGroup }

// End ends the processes of a group whose leader has just ended: by SIGTERM, then by SIGKILL. It does not wait.
func (l *Leftovers) End(group int, log *slog.Logger) {
	members := membersOf(group)
	if len(members) == 0 {
		return
	}
	var names []string
	for _, m := range members {
		names = append(names, m.name)
		m.signal(unix.SIGTERM)
	}
	log.Warn("processes that a dead worker had started are ended", "worker", group, "processes", strings.Join(names, ", "))
	l.ending.Go(func() {
		deadline := time.Now().Add(leftoverDelay)
		for _, m := range members {
			if !m.ended(time.Until(deadline)) {
				m.signal(unix.SIGKILL)
			}
			unix.Close(m.fd)
		}
	})
}

// Wait returns when there is nothing left to end.
func (l *Leftovers) Wait() { l.ending.Wait() }

// A member is a process of a group, by a descriptor of it: its number may become another's.
type member struct {
	fd   int
	name string // for people
}

// membersOf returns the processes of a group that can be had.
func membersOf(group int) (members []member) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if _, in := inGroup(path, group); !in {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue
		}
		name, in := inGroup(path, group) // still, now that it is known which process that is
		if !in {
			unix.Close(fd)
			continue
		}
		members = append(members, member{fd, fmt.Sprintf("%s (%d)", name, pid)})
	}
	return members
}

// inGroup reads /proc/PID/stat (proc(5)) for the name, the state and the group of a process. One that only waits to be
// reaped is in none.
func inGroup(path string, group int) (name string, in bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	_, text, _ := strings.Cut(string(data), "(")
	end := strings.LastIndex(text, ") ")
	if end < 0 {
		return "", false
	}
	fields := strings.Fields(text[end+2:])
	return text[:end], len(fields) > 2 && fields[0] != "Z" && fields[2] == strconv.Itoa(group)
}

func (m member) signal(s syscall.Signal) { _ = unix.PidfdSendSignal(m.fd, s, nil, 0) }

// ended waits for the process's end, for so long at most.
func (m member) ended(within time.Duration) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(m.fd), Events: unix.POLLIN}}, int(max(within, 0).Milliseconds()))
		if err != unix.EINTR {
			return n > 0
		}
	}
}
