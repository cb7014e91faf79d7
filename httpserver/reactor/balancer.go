//go:build linux

package reactor

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// balancer leaves connections to other workers that are better placed for them, see takes.
//
// All workers have the listeners in their epoll sets with EPOLLEXCLUSIVE: of a connection the kernel notifies one worker
// that waits in epoll_wait, and in passing those that come before it in its list and do not wait there. So nobody but
// the worker that leaves a connection may know of it, and it calls the other one (see bell). That one may have been
// stopped, or have died: whoever has left something looks again after a while, and takes it if nobody has taken any.
type balancer struct {
	r        *Reactor
	row      *scoreboard.Worker
	bell     bell
	patience time.Duration // leaveTime

	mu     sync.Mutex
	counts []scoreboard.Count
	peers  []peer
	calls  []call // by slots
	taken  uint64 // how many connections the peers have accepted

	// What is known of connections that were left to others, and may be waiting still.
	waiting   bool
	since     int64  // when the last one was taken, or the first one left, in Reactor.now
	takenThen uint64 // taken at that time
	looksSoon bool   // the timer runs
	timer     *time.Timer
}

// call is the last call to a peer.
type call struct {
	pid   int // 0 when there was none
	at    int64
	signs uint64 // the peer's, when it was called
}

// leaveTime is how long connections are left to others who take none, and how long a worker may leave a call unanswered
// until it no longer counts. On an overloaded machine a worker may have to wait tens of milliseconds for a processor.
const leaveTime = 50 * time.Millisecond

// newBalancer returns nil when there is nobody to balance with.
func newBalancer(r *Reactor, row *scoreboard.Worker) *balancer {
	if row == nil || row.Board().Slots() < 2 {
		return nil
	}
	bell, err := newBell()
	if err != nil {
		r.o.Log.Warn("connections are not balanced between the workers", "error", err)
		return nil
	}
	slots := row.Board().Slots()
	b := &balancer{
		r: r, row: row, bell: bell, patience: leaveTime,
		counts: make([]scoreboard.Count, 0, slots), peers: make([]peer, 0, slots), calls: make([]call, slots),
	}
	b.timer = time.AfterFunc(time.Hour, b.lookAgain)
	b.timer.Stop()
	return b
}

// takes reports whether the worker is to accept the next connection of l. If it is not, another one has been called.
func (b *balancer) takes(l *listener, s situation) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for now := b.r.now(); ; {
		b.compare(now)
		yes, to := takes(b.row.Counters().Connections.Load(), s, b.peers)
		if yes || !l.pending() || b.overdue(now) {
			return true
		}
		if b.call(b.peers[to], now) {
			break
		}
	}
	if !b.looksSoon {
		b.looksSoon = true
		b.timer.Reset(b.patience)
	}
	return false
}

// overdue reports whether nobody has taken what has been left for as long as that may be.
func (b *balancer) overdue(now int64) bool {
	if b.waiting && b.taken == b.takenThen {
		if now-b.since < int64(b.patience) {
			return false
		}
		b.since = now
		return true
	}
	b.waiting, b.since, b.takenThen = true, now, b.taken
	return false
}

// compare brings peers up to date.
func (b *balancer) compare(now int64) {
	b.peers, b.taken = b.peers[:0], 0
	b.counts = b.row.Board().Counts(b.counts)
	for _, n := range b.counts {
		if n.Slot == b.row.Slot() || n.State != scoreboard.Ready || n.PID == 0 || n.Address == 0 || b.deaf(n, now) {
			continue
		}
		b.taken += n.Accepted
		b.peers = append(b.peers, peer{
			slot: n.Slot, pid: n.PID, connections: n.Connections, idle: n.Polling > 0 && !n.Hindered, hindered: n.Hindered,
			address: n.Address, signs: signs(n),
		})
	}
}

// deaf reports whether a worker has shown no sign of life since it was called. When it does so at last, it counts
// again.
func (b *balancer) deaf(n scoreboard.Count, now int64) bool {
	c := b.calls[n.Slot]
	return c.open(n.PID, signs(n)) && now-c.at >= int64(b.patience)
}

// signs changes when a worker answers a call, or accepts a connection.
func signs(n scoreboard.Count) uint64 { return n.Answers + n.Accepted }

// open reports whether the call was to the process that has this pid, which has shown no sign of life since.
func (c call) open(pid int, signs uint64) bool {
	return c.pid == pid && c.signs == signs
}

// call has a peer look for connections. If it has not yet come to look since it was called last, that will do: it
// answers before it looks. call reports whether the peer is there at all; if not, it is deaf from now on.
func (b *balancer) call(p peer, now int64) bool {
	c := &b.calls[p.slot]
	if c.open(p.pid, p.signs) {
		return true
	}
	*c = call{p.pid, now, p.signs}
	there := b.bell.ring(p.address)
	if !there {
		c.at = now - int64(b.patience)
	}
	return there
}

// none says that nobody waits for a connection, after so many were accepted.
func (b *balancer) none(l *listener, accepted int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = false
	if accepted == 0 {
		return
	}
	b.compare(b.r.now())
	own := b.row.Counters().Connections.Load()
	if fewest(b.peers, func(p peer) bool { return p.connections < own }) >= 0 {
		l.queueUp(b.r.epoll)
	}
}

// lookAgain is called by the timer.
func (b *balancer) lookAgain() {
	b.mu.Lock()
	b.looksSoon = false
	waiting := b.waiting
	b.mu.Unlock()
	if waiting && b.r.acquire() {
		defer b.r.release()
		b.r.acceptAgain()
		b.r.monitor.rouse()
	}
}

// announce and withdraw say that the worker accepts connections, and that it no longer does.
func (b *balancer) announce() { b.row.Counters().Address.Store(b.bell.address) }

func (b *balancer) withdraw() {
	b.row.Counters().Address.Store(0)
	b.timer.Stop()
}

// handBack has another worker look for connections that this one was notified of last.
func (b *balancer) handBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.r.now()
	b.compare(now)
	if to := fewest(b.peers, func(peer) bool { return true }); to >= 0 {
		b.call(b.peers[to], now)
	}
}

// publishHindrance lets the other workers know whether this one is hindered.
func (b *balancer) publishHindrance(hindered bool) {
	var value uint32
	if hindered {
		value = 1
	}
	if flag := &b.row.Counters().Hindered; flag.Load() != value {
		flag.Store(value)
	}
}

// situation is how things stand for a connection that p would accept.
func (p *poller) situation() situation {
	switch {
	case (p.thread >= 0 || p.r.polling.Load() > 0) && p.r.balancer.row.Counters().Hindered.Load() == 0:
		return placedWell
	case p.chosen:
		return placedByCall
	}
	return placedBadly
}

// called looks for connections that another worker has left to this one.
func (p *poller) called() {
	r := p.r
	r.balancer.bell.silence()
	r.balancer.row.Counters().Answers.Add(1)
	p.chosen = true
	for _, l := range r.table.allListeners() {
		r.accept(l, p)
	}
	p.chosen = false
}

// pending reports whether a connection waits. A listener whose state is unknown is taken to have none.
func (l *listener) pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

// queueUp puts l last in the kernel's list of those that it notifies of connections, so that it asks others first.
func (l *listener) queueUp(epoll int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return
	}
	unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, l.fd, nil)
	event := l.event(true)
	unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, l.fd, &event)
}
