// Package systemd speaks with the service manager: it tells it the master's state, keeps its watchdog quiet, and
// takes over the sockets that it opened (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)). It decides nothing:
// when to say what is the caller's. Without systemd, which is when its environment variables are not set,
// everything here does nothing and returns no error.
//
// The variables stay in the environment of the master, which runs no Python; ForWorker and ForSuccessor say what
// other processes may see of them.
package systemd

import (
	"slices"
	"strings"
)

const (
	notifySocket = "NOTIFY_SOCKET"
	watchdogUsec = "WATCHDOG_USEC"
	watchdogPID  = "WATCHDOG_PID"
)

// ForWorker returns the environment, in the form of os.Environ, without systemd's variables: the application and its
// children must neither take the master's sockets for theirs nor speak for the service.
func ForWorker(environ []string) []string {
	return without(environ, append([]string{notifySocket, watchdogUsec, watchdogPID}, listenVariables...))
}

// ForSuccessor returns the environment for a new master that is to take over the service (see Takeover). It may
// notify; the watchdog's time is its own too, though WATCHDOG_PID names its predecessor.
func ForSuccessor(environ []string) []string {
	return without(environ, append([]string{watchdogPID}, listenVariables...))
}

// without does not change environ.
func without(environ, names []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(names, name)
	})
}
