package httpserver

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
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

// Listen opens a listener on "HOST:PORT", ":PORT", "[IPv6]:PORT", "unix:PATH" or, on Linux, "unix:@NAME". An IPv4 host
// means IPv4 only; an empty host and "::" mean every address of both kinds. "fd://N" is the listening stream socket that
// the process was started with as descriptor N, which belongs to the listener from then on; a unix socket stays in its
// folder. Errors are of type [*ListenError].
//
// A unix socket that a server which is gone left behind is replaced, one that somebody listens on is not; closing the
// listener removes the socket if it still is the listener's own. Its path may be followed by ",mode=660" (octal),
// ",owner=USER" and ",group=GROUP", by name or number; else the process's umask and user decide. "@NAME" is a name in
// the abstract namespace (unix(7)), which has no permissions: every process of the machine may connect.
func Listen(bind string) (net.Listener, error) { return listen(bind, false) }

// ListenAll opens all addresses, or none. Where an IPv4 address is asked for beside every address of both kinds, on the same
// port, the latter are the IPv6 ones only: together the two would collide.
func ListenAll(binds []string) (listeners []net.Listener, err error) {
	for i, bind := range binds {
		l, err := listen(bind, wantsIPv4(binds, portOf(bind)))
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
			return nil, explainCollision(bind, binds[:i], err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// explainCollision returns err, the answer to bind; if an address before it may be what has the port, one that names it.
func explainCollision(bind string, before []string, err error) error {
	port := portOf(bind)
	other := slices.IndexFunc(before, func(b string) bool { return portOf(b) == port })
	if port == "" || other < 0 || !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	return &ListenError{Bind: bind, Problem: fmt.Sprintf("the address is in use, by %s or by another process: leave one of the two out, "+
		"or choose another port", before[other]), Err: err}
}

// wantsIPv4 reports whether one of the addresses is IPv4's (or a host name), with that port.
func wantsIPv4(binds []string, port string) bool {
	return port != "" && port != "0" && slices.ContainsFunc(binds, func(bind string) bool {
		host, _, err := net.SplitHostPort(bind)
		return err == nil && portOf(bind) == port && host != "" && !strings.Contains(host, ":")
	})
}

// portOf returns the port, "" of a unix socket and of a descriptor.
func portOf(bind string) string {
	if strings.HasPrefix(bind, "unix:") || strings.HasPrefix(bind, descriptorScheme) {
		return ""
	}
	_, port, _ := net.SplitHostPort(bind)
	return port
}

// CheckAddress finds the mistakes in an address that can be seen without opening it. Its errors are those of [Listen].
func CheckAddress(bind string) error {
	if number, ok := strings.CutPrefix(bind, descriptorScheme); ok {
		_, err := parseDescriptor(bind, number)
		return err
	}
	if rest, ok := strings.CutPrefix(bind, "unix:"); ok {
		_, err := parseUnix(bind, rest)
		return err
	}
	_, err := checkTCP(bind)
	return err
}

func listen(bind string, beside4 bool) (net.Listener, error) {
	if number, ok := strings.CutPrefix(bind, descriptorScheme); ok {
		return listenDescriptor(bind, number)
	}
	if rest, ok := strings.CutPrefix(bind, "unix:"); ok {
		return listenUnix(bind, rest)
	}
	network, err := checkTCP(bind)
	if err != nil {
		return nil, err
	}
	if host, _, _ := net.SplitHostPort(bind); beside4 && (host == "" || host == "::") {
		network = "tcp6" // with IPV6_V6ONLY
	}
	l, err := net.Listen(network, bind)
	var notFound *net.DNSError
	if host, port, _ := net.SplitHostPort(bind); host == "localhost" && errors.As(err, &notFound) {
		// RFC 6761, section 6.3: it is this machine, also where there is no /etc/hosts to say so.
		l, err = net.Listen("tcp4", net.JoinHostPort("127.0.0.1", port))
	}
	if err != nil {
		return nil, explainTCP(bind, err)
	}
	s, err := newSocket(l)
	if err != nil {
		return nil, explainTCP(bind, err)
	}
	return s, nil
}

// checkTCP finds the mistakes that the net package would take for something else, such as a port's name.
func checkTCP(bind string) (network string, err error) {
	host, port, err := net.SplitHostPort(bind)
	if err != nil {
		problem := "it is not an address: write HOST:PORT, :PORT, [IPv6]:PORT, unix:PATH or fd://N"
		if _, err := strconv.ParseUint(bind, 10, 16); err == nil {
			problem = fmt.Sprintf("it has no host: write :%s for every address, or 127.0.0.1:%s for this machine only", bind, bind)
		} else if ip, err := netip.ParseAddr(bind); err == nil {
			problem = fmt.Sprintf("it has no port: write %s", net.JoinHostPort(ip.String(), "8000"))
		}
		return "", &ListenError{Bind: bind, Problem: problem, Err: err}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", &ListenError{Bind: bind, Problem: fmt.Sprintf("the port %q is not a number from 0 to 65535", port), Err: err}
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
