//go:build linux

package reactor

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// listener is a listening socket in the epoll set.
type listener struct {
	fd    int
	l     net.Listener
	tcp   bool
	local netip.AddrPort // zero on a unix socket, and where every connection has its own

	mu     sync.Mutex // held while accepting, so that the descriptor is not closed, and used again, meanwhile
	gone   bool
	closed chan struct{}
}

// acceptTurn is how many connections are accepted before others get their turn.
const acceptTurn = 64

// accept takes in new connections until there are none, or others do better to take them. p is the poller that does
// so; nil takes all. It reports whether there may be more.
func (r *Reactor) accept(l *listener, p *poller) (more bool) {
	l.unblock()
	balanced := r.balancer != nil && p != nil
	crowded := p == nil // no room can be made
	for accepted := range acceptTurn {
		if balanced && !r.balancer.takes(l, p.situation()) {
			return false
		}
		err := r.acceptOne(l, crowded)
		if err == errFull && !l.pending() {
			err = unix.EAGAIN
		}
		switch err {
		case nil:
			crowded = p == nil
		case errFull:
			crowded = !p.makeRoom()
		case unix.EAGAIN:
			if balanced {
				r.balancer.none(l, accepted)
			}
			return false
		case unix.EINTR, unix.ECONNABORTED:
		case net.ErrClosed:
			return false
		default: // EMFILE, ENFILE, ENOBUFS, ENOMEM: the sweeper tries again
			if p != nil && l.pending() && p.makeRoom() {
				continue
			}
			r.counters.AcceptFailures.Add(1)
			r.acceptTrouble.Log(r.o.Log, "cannot accept connections: "+err.Error())
			r.retryAccept.Store(true)
			return false
		}
	}
	r.queue.pushEvents([]unix.EpollEvent{{Events: unix.EPOLLIN, Fd: int32(l.fd), Pad: listenerGeneration}})
	r.call()
	return true
}

// errFull means that there is no room for another connection.
var errFull = errors.New("there are as many connections as are allowed")

// acceptOne takes in one connection; if there is no room for it, it closes it if crowded is true, and leaves it else. It
// holds l.mu to the end: who finds that none waits any more, to shut down, must not miss one that another poller has
// just taken and not counted; and r.admission, as another one may take the room.
func (r *Reactor) acceptOne(l *listener, crowded bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return net.ErrClosed
	}
	r.admission.Lock()
	defer r.admission.Unlock()
	if !crowded && r.full() {
		return errFull
	}
	fd, peer, err := unix.Accept4(l.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err == nil {
		r.admit(l, fd, peer)
	}
	return err
}

// unblock makes the socket non-blocking again: it may be shared with processes one of which has made it
// blocking, and accepting would hang then.
func (l *listener) unblock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return
	}
	if flags, err := unix.FcntlInt(uintptr(l.fd), unix.F_GETFL, 0); err == nil && flags&unix.O_NONBLOCK == 0 {
		_ = unix.SetNonblock(l.fd, true) // it is a socket
	}
}

// admit makes a connection of an accepted socket, unless there are too many, of all or of its address.
func (r *Reactor) admit(l *listener, fd int, peer unix.Sockaddr) {
	if r.full() {
		r.counters.TooManyConnections.Add(1)
		r.crowd.Log(r.o.Log, "connections are closed immediately: there are as many as are allowed, and none is idle", "option", "MaxConnections", "connections", r.o.Limits.MaxConnections)
		unix.Close(fd)
		return
	}
	c := &conn{r: r, transport: transport{fd: fd}, remote: addrPort(peer), local: l.local}
	if !r.admitAddress(c) {
		unix.Close(fd)
		return
	}
	c.own.begin() // the sweeper and Close find it before it is complete
	if l.tcp {
		if !c.local.IsValid() {
			if name, err := unix.Getsockname(fd); err == nil {
				c.local = addrPort(name)
			}
		}
	}
	if !r.table.add(c) {
		r.addresses.Leave(c.countedAs)
		unix.Close(fd)
		return
	}
	r.countOpened()
	if d := r.http.Descriptors; d != nil {
		d.Opened(fd)
	}
	c.expire(r.http.HeaderTimeout)
	event := c.event()
	if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		r.o.Log.Error("epoll_ctl failed", "error", err)
		c.close()
		return
	}
	for come := false; ; come = true { // its event was left to us
		if c.own.release() {
			if come {
				r.again(c)
			}
			return
		}
	}
}

// addrPort returns the zero AddrPort for what is no TCP address.
func addrPort(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

var errNoSocket = errors.New("the listener has no descriptor of its own")

// listen puts a listener into the epoll set. The descriptor stays l's.
func (r *Reactor) listen(l net.Listener) (*listener, error) {
	socket, ok := l.(syscall.Conn)
	if !ok {
		return nil, errNoSocket
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	in := &listener{l: l, closed: make(chan struct{})}
	if tcp, ok := l.Addr().(*net.TCPAddr); ok {
		in.tcp = true
		if !tcp.IP.IsUnspecified() {
			a := tcp.AddrPort()
			in.local = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		}
	}
	err = raw.Control(func(fd uintptr) { in.fd = int(fd) })
	if err != nil {
		return nil, err
	}
	if in.tcp {
		r.setInherited(in.fd)
	}
	r.table.mu.Lock()
	if r.table.listeners == nil {
		r.table.listeners = make(map[int]*listener)
	}
	r.table.listeners[in.fd] = in
	r.table.mu.Unlock()
	if d := r.http.Descriptors; d != nil {
		d.Opened(in.fd)
	}
	event := in.event(r.balancer != nil)
	if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, in.fd, &event); err != nil {
		r.unlisten(in)
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	if r.balancer != nil {
		r.balancer.announce()
	}
	return in, nil
}

// The keep-alive probes of TCP find out that a client has vanished for which nothing is to be sent: after two minutes.
const (
	keepAliveIdle     = 60 // in seconds
	keepAliveInterval = 15
	keepAliveProbes   = 4
)

// setInherited sets what accepted connections inherit (tcp(7)), so that it costs no system call for each.
func (r *Reactor) setInherited(fd int) {
	vanished := r.o.Limits.WriteTimeout + time.Minute // --write-timeout comes first, and is counted
	for _, option := range []struct{ level, name, value int }{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAliveIdle},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepAliveInterval},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAliveProbes},
		{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(min(vanished.Milliseconds(), math.MaxInt32))},
	} {
		if err := unix.SetsockoptInt(fd, option.level, option.name, option.value); err != nil {
			r.o.Log.Debug("a listener does not take an option", "option", option.name, "error", err) // not on every system
		}
	}
}

// event is what epoll is to report of l. If l is shared, it notifies only one process of each connection.
func (l *listener) event(shared bool) unix.EpollEvent {
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET&0xffffffff, Fd: int32(l.fd), Pad: listenerGeneration}
	if shared {
		e.Events |= unix.EPOLLEXCLUSIVE
	}
	return e
}

// unlisten ends accepting.
func (r *Reactor) unlisten(in *listener) {
	r.table.mu.Lock()
	_, there := r.table.listeners[in.fd]
	delete(r.table.listeners, in.fd)
	r.table.mu.Unlock()
	if !there {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.gone = true
	unix.EpollCtl(r.epoll, unix.EPOLL_CTL_DEL, in.fd, nil)
	if d := r.http.Descriptors; d != nil {
		d.Closed(in.fd)
	}
	in.l.Close()
	close(in.closed)
}
