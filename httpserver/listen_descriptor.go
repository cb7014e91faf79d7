package httpserver

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// descriptorScheme begins the address of a socket that is open already, as gunicorn writes it.
const descriptorScheme = "fd://"

func parseDescriptor(bind, number string) (fd int, err error) {
	fd, err = strconv.Atoi(number)
	switch {
	case err != nil || fd < 0:
		return 0, &ListenError{Bind: bind, Problem: fmt.Sprintf("%q is not the number of a descriptor: write fd://3", number), Err: err}
	case fd <= 2:
		return 0, &ListenError{Bind: bind, Problem: "that is a standard stream: give the socket a descriptor from 3 on"}
	}
	return fd, nil
}

// listenDescriptor looks at the descriptor before it becomes the listener's: it may be somebody else's.
func listenDescriptor(bind, number string) (net.Listener, error) {
	fd, err := parseDescriptor(bind, number)
	if err != nil {
		return nil, err
	}
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	listening, listeningErr := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	err = errors.Join(err, listeningErr)
	problem := ""
	switch {
	case errors.Is(err, syscall.EBADF):
		problem = "it is not open: the process that starts this one has to hand it down (pass_fds= of Python's subprocess)"
	case errors.Is(err, syscall.ENOTSOCK):
		problem = "it is not a socket"
	case err != nil:
		problem = err.Error()
	case kind != syscall.SOCK_STREAM:
		problem = "it is not a stream socket"
	case listening == 0:
		problem = "it does not listen: call listen() before it is handed down"
	}
	if problem != "" {
		return nil, &ListenError{Bind: bind, Problem: problem, Err: err}
	}
	l, err := Inherit(fd)
	if err != nil {
		return nil, &ListenError{Bind: bind, Problem: err.Error(), Err: err}
	}
	return l, nil
}
