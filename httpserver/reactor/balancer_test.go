//go:build linux

package reactor

import (
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// siblings are reactors of one thread each that stand for worker processes: they share a listener and a board.
type siblings struct {
	t       *testing.T
	socket  *os.File // the listener's
	board   *scoreboard.Board
	address string
	// leave is how long connections are left to others, in vain; by default a test fails before.
	leave   time.Duration
	blocked chan chan bool // what a request for /block sends; it waits until that is closed
}

func newSiblings(t *testing.T, slots int) *siblings {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	require.NoError(t, err)
	t.Cleanup(func() { socket.Close() })
	board, err := scoreboard.New(slots, 1)
	require.NoError(t, err)
	return &siblings{t, socket, board, l.Addr().String(), 2 * patience, make(chan chan bool)}
}

// start starts the worker of a slot; it ends with the test, or by end.
func (s *siblings) start(slot int) (r *Reactor, end func()) {
	s.t.Helper()
	row := s.board.Worker(slot)
	row.Reset(1000 + slot)
	r, err := New(1, Options{Log: slog.New(slog.DiscardHandler), Row: row})
	require.NoError(s.t, err)
	r.balancer.patience = s.leave
	server := r.NewServer(handlerFunc(s.answer), httpserver.Options{})
	var running sync.WaitGroup
	running.Go(func() {
		runtime.LockOSThread()
		r.Work(0, nil)
	})
	l, err := net.FileListener(s.socket)
	require.NoError(s.t, err)
	running.Go(func() { assert.NoError(s.t, server.Serve(l)) })
	require.Eventually(s.t, func() bool { return row.Counters().Address.Load() != 0 && row.Counters().Polling.Load() > 0 },
		patience, time.Millisecond)
	row.SetState(scoreboard.Ready)
	end = sync.OnceFunc(func() {
		assert.NoError(s.t, server.Close())
		r.Close()
		running.Wait()
	})
	s.t.Cleanup(end)
	return r, end
}

func (s *siblings) answer(w httpserver.ResponseWriter, r *httpserver.Request) {
	if string(r.Target) == "/block" {
		wait := make(chan bool)
		s.blocked <- wait
		<-wait
	}
	_ = w.WriteHead(&httpserver.Head{Status: 204, NoContent: true})
}

// connect returns a connection by which a request for the path has been sent.
func (s *siblings) connect(path string) net.Conn {
	c, err := net.Dial("tcp", s.address)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { c.Close() })
	require.NoError(s.t, c.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(s.t, err)
	return c
}

// await waits for an answer.
func (s *siblings) await(c net.Conn) {
	s.t.Helper()
	_, err := c.Read(make([]byte, 1000))
	require.NoError(s.t, err)
}

// connections is how many the worker of a slot has.
func (s *siblings) connections(slot int) int {
	return int(s.board.Worker(slot).Counters().Connections.Load())
}

// block has a request wait inside a worker until the test ends, and returns the worker's slot once the others can
// see that.
func (s *siblings) block() (slot int) {
	s.t.Helper()
	before := s.board.Counts(nil)
	s.connect("/block")
	wait := <-s.blocked
	s.t.Cleanup(func() { close(wait) })
	slot = -1
	require.Eventually(s.t, func() bool {
		for i, n := range s.board.Counts(nil) {
			if n.Hindered && !before[i].Hindered {
				slot = n.Slot
			}
		}
		return slot >= 0
	}, patience, time.Millisecond)
	return slot
}

func TestConnectionsAreSpreadEvenly(t *testing.T) {
	for name, atOnce := range map[string]bool{"one after the other": false, "all at the same moment": true} {
		t.Run(name, func(t *testing.T) {
			const workers, each = 4, 8
			s := newSiblings(t, workers)
			for slot := range workers {
				s.start(slot)
			}
			var all []net.Conn
			for range workers * each {
				all = append(all, s.connect("/"))
				if !atOnce {
					s.await(all[len(all)-1])
				}
			}
			for _, c := range all {
				if atOnce {
					s.await(c)
				}
			}
			for slot := range workers {
				assert.InDelta(t, each, s.connections(slot), 1, "worker %d", slot)
			}
		})
	}
}

func TestAWorkerThatHasLostItsConnectionsGetsNewOnes(t *testing.T) {
	s := newSiblings(t, 2)
	s.start(0)
	var all []net.Conn
	for range 8 {
		all = append(all, s.connect("/"))
		s.await(all[len(all)-1])
	}
	s.start(1)
	for range 8 {
		s.await(s.connect("/"))
	}
	assert.Equal(t, []int{8, 8}, []int{s.connections(0), s.connections(1)})
	for _, c := range all {
		c.Close()
	}
	require.Eventually(t, func() bool { return s.connections(0) == 0 }, patience, time.Millisecond)
	for range 8 {
		s.await(s.connect("/"))
	}
	assert.Equal(t, []int{8, 8}, []int{s.connections(0), s.connections(1)})
}

func TestNoConnectionWaitsForAWorkerThatIsBusyWhileAnotherIsIdle(t *testing.T) {
	s := newSiblings(t, 2)
	s.start(0)
	s.start(1)
	busy := s.block()
	for range 20 {
		s.await(s.connect("/"))
	}
	assert.Equal(t, 1, s.connections(busy))
	assert.Equal(t, 20, s.connections(1-busy))
}

func TestWhenAllAreBusySomebodyAcceptsAllTheSame(t *testing.T) {
	s := newSiblings(t, 2)
	s.start(0)
	s.start(1)
	s.block()
	s.block()
	s.connect("/")
	require.Eventually(t, func() bool { return s.connections(0)+s.connections(1) == 3 }, patience, time.Millisecond)
}

// A worker that has stopped: it is said to be idle, and its bell makes no sound, or is not there.
func TestAWorkerThatDoesNotAnswerStarvesNobody(t *testing.T) {
	for name, there := range map[string]bool{"it is stopped": true, "it is dead": false} {
		t.Run(name, func(t *testing.T) {
			s := newSiblings(t, 2)
			silent, err := newBell()
			require.NoError(t, err)
			row := s.board.Worker(1)
			row.Reset(1)
			row.SetState(scoreboard.Ready)
			row.Counters().Polling.Store(1)
			row.Counters().Address.Store(silent.address)
			if there {
				s.leave = leaveTime
				defer silent.close()
			} else {
				silent.close()
			}
			s.start(0)
			for range 50 {
				s.await(s.connect("/"))
			}
			assert.Equal(t, 50, s.connections(0))
		})
	}
}

func TestOnlyWorkersThatAcceptConnectionsAreCalled(t *testing.T) {
	for name, change := range map[string]func(row *scoreboard.Worker){
		"free":          func(row *scoreboard.Worker) { row.Release() },
		"starting":      func(row *scoreboard.Worker) { row.SetState(scoreboard.Starting) },
		"draining":      func(row *scoreboard.Worker) { row.SetState(scoreboard.Draining) },
		"not listening": func(row *scoreboard.Worker) { row.Counters().Address.Store(0) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSiblings(t, 2)
			other, err := newBell()
			require.NoError(t, err)
			defer other.close()
			row := s.board.Worker(1)
			row.Reset(1)
			row.SetState(scoreboard.Ready)
			row.Counters().Address.Store(other.address)
			change(row)
			s.start(0)
			for range 4 {
				s.await(s.connect("/"))
			}
			_, _, err = unix.Recvfrom(other.fd, make([]byte, 1), unix.MSG_DONTWAIT)
			assert.Equal(t, unix.EAGAIN, err)
		})
	}
}

func TestAWorkerThatLeavesIsNoLongerCalled(t *testing.T) {
	s := newSiblings(t, 2)
	_, end := s.start(0)
	s.start(1)
	end()
	assert.Zero(t, s.board.Worker(0).Counters().Address.Load())
	s.board.Worker(0).Counters().Polling.Store(1)
	for range 4 {
		s.await(s.connect("/"))
	}
	assert.Equal(t, 4, s.connections(1))
}

func TestAConnectionThatNobodyWasToldOfIsFound(t *testing.T) {
	s := newSiblings(t, 2)
	row := s.board.Worker(0)
	row.Reset(1)
	r, err := New(1, Options{Log: slog.New(slog.DiscardHandler), Row: row})
	require.NoError(t, err)
	t.Cleanup(r.Close)
	l, err := net.FileListener(s.socket)
	require.NoError(t, err)
	in, err := r.listen(l)
	require.NoError(t, err)
	t.Cleanup(func() { r.unlisten(in) })
	assert.False(t, r.neglected())
	s.connect("/")
	assert.True(t, r.neglected())
	r.accept(in, r.threads[0])
	assert.False(t, r.neglected())
	assert.Equal(t, 1, s.connections(0))
}

func TestABellIsHeardOnceHoweverOftenItRings(t *testing.T) {
	var bells [2]bell
	for i := range bells {
		b, err := newBell()
		require.NoError(t, err)
		defer b.close()
		bells[i] = b
	}
	assert.NotEqual(t, bells[0].address, bells[1].address)
	for range 1000 {
		require.True(t, bells[0].ring(bells[1].address), "a full queue rings as well")
	}
	bells[1].silence()
	_, _, err := unix.Recvfrom(bells[1].fd, make([]byte, 1), unix.MSG_DONTWAIT)
	assert.Equal(t, unix.EAGAIN, err)
}

func TestAWorkerThatLeavesHasAnotherOneLookForWhatItWasToldOf(t *testing.T) {
	s := newSiblings(t, 2)
	other, err := newBell()
	require.NoError(t, err)
	defer other.close()
	row := s.board.Worker(1)
	row.Reset(1)
	row.SetState(scoreboard.Ready)
	row.Counters().Address.Store(other.address)
	_, end := s.start(0)
	end()
	_, _, err = unix.Recvfrom(other.fd, make([]byte, 1), unix.MSG_DONTWAIT)
	assert.NoError(t, err)
}
