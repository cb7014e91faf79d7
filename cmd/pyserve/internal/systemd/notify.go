package systemd

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// A State is one of the service's that systemd knows by a message of its own.
type State string

const (
	// Starting has no message: systemd knows it as it started the service itself. Only the status is sent.
	Starting State = ""
	// Ready ends the start, and each reload.
	Ready State = daemon.SdNotifyReady
	// Reloading is sent with the time, by which Type=notify-reload (systemd 253) tells the reload that it asked for
	// from one before.
	Reloading State = daemon.SdNotifyReloading
	// Stopping begins the end.
	Stopping State = daemon.SdNotifyStopping
)

// Notify reports the state to systemd, and a line about it for people (systemctl status). An empty status leaves the
// last one standing.
func Notify(state State, status string) error {
	message := string(state)
	if state == Reloading {
		message += "\n" + strings.TrimSuffix(daemon.SdNotifyMonotonicUsec(), "\n")
	}
	return send(message, status)
}

// Takeover informs systemd that this process is the service's main process from now on, and ready: the new master says
// so after a binary upgrade. The unit needs NotifyAccess=all, as systemd does not know this process before.
func Takeover(status string) error {
	return send(fmt.Sprintf("MAINPID=%d\n%s", os.Getpid(), Ready), status)
}

// send sends one datagram, so that state and status change together.
func send(message, status string) error {
	if status = oneLine(status); status != "" {
		message = strings.TrimPrefix(message+"\nSTATUS="+status, "\n")
	}
	if message == "" {
		return nil
	}
	address := cmp.Or(os.Getenv(notifySocket), hidden)
	if address == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err == nil {
		_ = c.SetWriteDeadline(time.Now().Add(sendTimeout))
		_, err = c.Write([]byte(message))
		_ = c.Close()
	}
	if err != nil {
		return fmt.Errorf("cannot notify systemd at NOTIFY_SOCKET=%s: %w", address, err)
	}
	return nil
}

// sendTimeout is how long a message may wait for a service manager that has many unread.
const sendTimeout = 10 * time.Second

// hidden is the socket's address once Hide has taken it out of the environment.
var hidden string

// Hide takes systemd's variables out of the environment, before Python copies it: the application and its children must
// not speak for the service. Notify and the like work on; WatchdogInterval is to be asked before.
func Hide() {
	hidden = os.Getenv(notifySocket)
	for _, name := range []string{notifySocket, watchdogUsec, watchdogPID} {
		os.Unsetenv(name)
	}
}

// oneLine keeps a line break in the status from starting another assignment.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' || r == 0 }), " ")
}
