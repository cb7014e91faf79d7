// Package systemd speaks with the service manager: it reports the master's state to it, keeps its watchdog quiet, and
// takes over the sockets that it opened (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)). It decides nothing:
// when to say what is the caller's. Without systemd, which is when its environment variables are not set,
// everything here does nothing and returns no error.
//
// The variables stay in the environment of the master, which runs no Python; ForWorker and ForSuccessor say what
// other processes may see of them.
package systemd

import (
	"os"
	"slices"
	"strconv"
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

// mainPID stands for the process id of a process that its parent starts in its own place.
const mainPID = "main"

// ForMain returns the environment for a child that is to be what systemd takes the process pid for, and how many
// descriptors from 3 on belong to it. The child calls BecomeMain.
func ForMain(environ []string, pid int) (environment []string, descriptors int) {
	environment = without(environ, []string{"LISTEN_PIDFDID"})
	for i, entry := range environment {
		switch name, value, _ := strings.Cut(entry, "="); {
		case name != "LISTEN_PID" && name != watchdogPID || value != strconv.Itoa(pid):
		case name == "LISTEN_PID":
			descriptors, _ = strconv.Atoi(lookup(environ, "LISTEN_FDS"))
			fallthrough
		default:
			environment[i] = name + "=" + mainPID
		}
	}
	return environment, descriptors
}

// BecomeMain makes the variables that ForMain has prepared this process's.
func BecomeMain() {
	for _, name := range []string{"LISTEN_PID", watchdogPID} {
		if os.Getenv(name) == mainPID {
			os.Setenv(name, strconv.Itoa(os.Getpid()))
		}
	}
}

func lookup(environ []string, wanted string) (value string) {
	for _, entry := range environ {
		if name, text, _ := strings.Cut(entry, "="); name == wanted {
			value = text
		}
	}
	return value
}

// without does not change environ.
func without(environ, names []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(names, name)
	})
}
