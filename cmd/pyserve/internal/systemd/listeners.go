package systemd

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// firstFD is SD_LISTEN_FDS_START.
const firstFD = 3

// listenVariables are those of sd_listen_fds(3); the last is of systemd 258.
var listenVariables = []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"}

// A Listener is a listening stream socket that systemd opened.
type Listener struct {
	// FD is the raw descriptor, non-blocking and close-on-exec. The caller owns it. It is not an os.File, whose Fd method
	// would make it blocking, for all processes that share it.
	FD int
	// Name is that of FileDescriptorName= in the socket unit, by default the unit's own name; "unknown" when systemd
	// gives none.
	Name string
	// Address is what the socket is bound to, such as "127.0.0.1:8000", "[::1]:8000" or "unix:/run/pyserve.sock".
	Address string
}

// Listeners takes over the sockets that systemd passed to this process (socket activation), in the order of the socket
// unit; none when it passed none. Its variables are removed from the environment, so that no worker and no child of the
// application takes the sockets for its own: only the first call finds them. To be called early, while no descriptor
// can have been opened by accident with the number of one that is missing.
//
// The error names everything that is wrong: with the variables, or with sockets that are not listening stream sockets.
// No descriptor was changed or closed then.
func Listeners() ([]Listener, error) {
	count, names, err := readVariables()
	for _, name := range listenVariables {
		os.Unsetenv(name)
	}
	if err != nil || count == 0 {
		return nil, err
	}
	listeners := make([]Listener, count)
	var errs []error
	for i := range listeners {
		l := Listener{FD: firstFD + i, Name: "unknown"}
		if names != nil {
			l.Name = names[i]
		}
		if l.Address, err = inspect(l.FD); err != nil {
			errs = append(errs, fmt.Errorf("the socket %q (descriptor %d) passed by systemd %w", l.Name, l.FD, err))
		}
		listeners[i] = l
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, l := range listeners {
		if err := prepare(l.FD); err != nil {
			return nil, fmt.Errorf("the socket %q (descriptor %d) passed by systemd: %w", l.Name, l.FD, err)
		}
	}
	return listeners, nil
}

// readVariables returns the number of sockets for this process, and their names, nil if systemd gave none.
//
// go-systemd's activation package is not used: it makes an os.File of each descriptor, which closes it when it is
// collected, and takes wrong variables for none.
func readVariables() (count int, names []string, err error) {
	pid, fds := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	if pid == "" || fds == "" {
		return 0, nil, nil // sd_listen_fds asks for both
	}
	number, err := strconv.Atoi(pid)
	if err != nil || number <= 0 {
		return 0, nil, fmt.Errorf("LISTEN_PID=%s is not a process id", pid)
	}
	if number != os.Getpid() {
		return 0, nil, nil // they were for the process that started this one
	}
	// Far more than anybody has, and far below what would overflow.
	if count, err = strconv.Atoi(fds); err != nil || count < 0 || count > 1<<16 {
		return 0, nil, fmt.Errorf("LISTEN_FDS=%s is not a number of sockets", fds)
	}
	if list, ok := os.LookupEnv("LISTEN_FDNAMES"); ok && count > 0 {
		if names = strings.Split(list, ":"); len(names) != count {
			return 0, nil, fmt.Errorf("LISTEN_FDNAMES=%s has %d names for LISTEN_FDS=%d sockets", list, len(names), count)
		}
	}
	return count, names, nil
}
