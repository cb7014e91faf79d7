package httpserver

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
)

// ListenError says why nobody can listen on an address, and what to do.
type ListenError struct {
	// Bind is the address as given to Listen.
	Bind string
	// Problem is a sentence without its beginning and its full stop.
	Problem string
	// Err is the cause, often a syscall.Errno. May be nil.
	Err error
}

// Error is one sentence for the person who chose the address.
func (e *ListenError) Error() string {
	return fmt.Sprintf("cannot listen on %s: %s", e.Bind, e.Problem)
}

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }

// Listen opens a listener on "HOST:PORT", ":PORT", "[IPv6]:PORT" or "unix:PATH". An IPv4 host means IPv4
// only; an empty host and "::" mean every address of both kinds. A unix socket that a server which is gone
// left behind is replaced, one that somebody listens on is not; closing the listener removes the socket if
// it still is the listener's own. Errors are of type [*ListenError].
func Listen(bind string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(bind, "unix:"); ok {
		return listenUnix(bind, path)
	}
	network, err := checkTCP(bind)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen(network, bind)
	if err != nil {
		return nil, explainTCP(bind, err)
	}
	return l, nil
}

// checkTCP finds the mistakes that the net package would take for something else, such as a port's name.
func checkTCP(bind string) (network string, err error) {
	host, port, err := net.SplitHostPort(bind)
	if err != nil {
		problem := "it is no address: write HOST:PORT, :PORT, [IPv6]:PORT or unix:PATH"
		if _, err := strconv.ParseUint(bind, 10, 16); err == nil {
			problem = fmt.Sprintf("it has no host: write :%s for every address, or 127.0.0.1:%s for this machine only", bind, bind)
		} else if ip, err := netip.ParseAddr(bind); err == nil {
			problem = fmt.Sprintf("it has no port: write %s", net.JoinHostPort(ip.String(), "8000"))
		}
		return "", &ListenError{Bind: bind, Problem: problem, Err: err}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", &ListenError{Bind: bind, Problem: fmt.Sprintf("the port %q is no number from 0 to 65535", port), Err: err}
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		return "tcp4", nil
	}
	return "tcp", nil
}

// explainTCP says what the operating system's answer means for an address and a port.
func explainTCP(bind string, err error) error {
	host, port, _ := net.SplitHostPort(bind)
	var notFound *net.DNSError
	problem := err.Error()
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		problem = "the address is in use by another process: stop that one, or choose another port"
	case errors.Is(err, fs.ErrPermission):
		problem = fmt.Sprintf("no permission for port %s: ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; choose a higher one", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		problem = fmt.Sprintf("this machine has no address %s: choose one of its own, or none for all of them", host)
	case errors.As(err, &notFound):
		problem = fmt.Sprintf("the host name %q cannot be looked up: give an IP address", host)
	}
	return &ListenError{Bind: bind, Problem: problem, Err: err}
}
