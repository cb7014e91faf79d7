//go:build linux

package process_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/process"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

const patience = 20 * time.Second

// The test binary is the worker, and the new master, too. What it does stands in an environment variable.
func TestMain(m *testing.M) {
	worker, upgrade, err := handover.Take()
	switch {
	case err != nil:
		os.Exit(99)
	case worker != nil:
		work(worker)
	case upgrade != nil:
		takeOver(upgrade)
	}
	os.Exit(m.Run())
}

func work(in *handover.Worker) {
	board, err := scoreboard.Open(int(in.Board))
	if err != nil {
		os.Exit(98)
	}
	control := handover.Open(int(in.Control))
	board.Worker(in.Slot).Thread(0).Begin(scoreboard.Now(), []byte("GET"), []byte("/path"))
	if mode, err := unix.FcntlInt(uintptr(in.Listeners[0].FD), unix.F_GETFL, 0); err != nil || mode&unix.O_NONBLOCK == 0 {
		os.Exit(97)
	}
	if os.Getenv("TEST_WORKER") == "hears no signals" {
		signal.Ignore(syscall.SIGTERM, syscall.SIGQUIT)
	}
	control.Send(handover.Ready, "")
	switch os.Getenv("TEST_WORKER") {
	case "exits":
		control.Send(handover.Retire, "for the test")
		os.Exit(7)
	case "dies":
		unix.Write(int(in.Crash), []byte("the stacks\n"))
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	for { // until it is told to leave, or the master is gone
		message, _, err := control.Receive()
		if err != nil || message == handover.Drain || message == handover.Finish || message == handover.Quit {
			os.Exit(0)
		}
	}
}

func takeOver(in *handover.Upgrade) {
	if os.Getenv("TEST_UPGRADE") == "serves" {
		process.SayReady(int(in.Ready))
		os.Exit(0)
	}
	os.Exit(5)
}

// story is what happened to a worker.
type story struct {
	ready, changed chan int
	retired        chan string
	exited         chan supervise.Exit
}

func newStory() *story {
	return &story{make(chan int, 1), make(chan int, 1), make(chan string, 1), make(chan supervise.Exit, 1)}
}

func (s *story) WorkerReady(id int)                         { s.ready <- id }
func (s *story) WorkerRetires(_ int, reason string, _ bool) { s.retired <- reason }
func (s *story) WorkerLeaves(int)                           {}
func (s *story) WorkerExited(_ int, exit supervise.Exit)    { s.exited <- exit }
func (s *story) Reload()                                    { s.changed <- 1 }

func wait[T any](t *testing.T, c <-chan T) (x T) {
	t.Helper()
	select {
	case x = <-c:
	case <-time.After(patience):
		require.FailNow(t, "it does not happen")
	}
	return x
}

func start(t *testing.T, does string) (*process.Worker, *story, *scoreboard.Board) {
	t.Helper()
	board, err := scoreboard.New(2, 1)
	require.NoError(t, err)
	s := newStory()
	shared := process.Shared{Board: board, Listeners: []handover.Listener{{FD: handover.Descriptor(listener(t))}}, Events: s, Log: slog.New(slog.DiscardHandler)}
	w, err := process.StartWorker(shared, supervise.Spec{ID: 3, Slot: 1}, process.Exec(command("TEST_WORKER="+does)))
	require.NoError(t, err)
	return w, s, board
}

func command(variable string) process.Command {
	return process.Command{Path: "/proc/self/exe", Args: os.Args[:1], Env: append(os.Environ(), variable)}
}

// listener returns the descriptor of a listener that does not block.
func listener(t *testing.T) (fd int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() {
		mode, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		assert.NoError(t, err)
		assert.NotZero(t, mode&unix.O_NONBLOCK, "it was made blocking for all who share it")
		l.Close()
	})
	raw, err := l.(*net.TCPListener).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(number uintptr) { fd = int(number) }))
	return fd
}

func TestAWorkerSaysThatItIsReadyAndLeavesWhenToldTo(t *testing.T) {
	w, s, board := start(t, "waits")
	assert.Equal(t, 3, wait(t, s.ready))
	assert.Equal(t, w.PID(), board.Worker(1).PID())
	size, err := w.RSS()
	assert.NoError(t, err)
	assert.Greater(t, size, int64(100<<10))
	require.NoError(t, w.Drain())
	assert.Equal(t, supervise.Exit{Report: nil}.Code, wait(t, s.exited).Code)
	assert.ErrorIs(t, w.Signal(supervise.Kill), os.ErrProcessDone, "the number may be another's")
	assert.ErrorIs(t, w.Drain(), os.ErrProcessDone)
	assert.Equal(t, scoreboard.Free, board.Worker(1).State())
}

func TestAWorkerThatExitsIsReportedAfterAllThatItSaid(t *testing.T) {
	_, s, _ := start(t, "exits")
	exit := wait(t, s.exited)
	assert.Equal(t, 7, exit.Code)
	assert.Empty(t, exit.Signal)
	assert.Len(t, s.ready, 1)
	assert.Equal(t, "for the test", <-s.retired)
}

func TestAWorkerThatDiesIsReportedWithItsRequestsAndStacks(t *testing.T) {
	_, s, _ := start(t, "dies")
	exit := wait(t, s.exited)
	assert.Equal(t, "SIGKILL", exit.Signal)
	report := map[string]string{}
	for _, a := range exit.Report {
		report[a.Key] = a.Value.String()
	}
	assert.True(t, strings.HasPrefix(report["requests"], `in GET "/path" for `), report["requests"])
	assert.Equal(t, "the stacks\n", report["stacks"])
}

func TestSignalsReachTheWorker(t *testing.T) {
	w, s, _ := start(t, "waits")
	wait(t, s.ready)
	require.NoError(t, w.Signal(supervise.Kill))
	assert.Equal(t, "SIGKILL", wait(t, s.exited).Signal)
}

func TestAWorkerThatHearsNoSignalsYetLeavesWhenToldTo(t *testing.T) {
	for _, order := range []supervise.Signal{supervise.Terminate, supervise.Quit} {
		t.Run(order.String(), func(t *testing.T) {
			w, s, _ := start(t, "hears no signals")
			wait(t, s.ready)
			require.NoError(t, w.Signal(order))
			exit := wait(t, s.exited)
			assert.Empty(t, exit.Signal)
			assert.Zero(t, exit.Code)
		})
	}
}

func TestAWorkerThatCannotBeStartedIsAnErrorThatNamesIt(t *testing.T) {
	board, err := scoreboard.New(1, 1)
	require.NoError(t, err)
	shared := process.Shared{Board: board, Events: newStory()}
	_, err = process.StartWorker(shared, supervise.Spec{}, process.Exec(process.Command{Path: "/nowhere/pyserve", Args: []string{"pyserve"}}))
	assert.ErrorContains(t, err, "cannot start /nowhere/pyserve")
	assert.Equal(t, scoreboard.Free, board.Worker(0).State())
}

func TestAnUpgradeIsOverWhenTheNewMasterServes(t *testing.T) {
	pid := 0
	err := process.Upgrade(t.Context(), command("TEST_UPGRADE=serves"), handover.Upgrade{Listeners: []handover.Listener{{FD: handover.Descriptor(listener(t))}}}, func(p int) { pid = p })
	assert.NoError(t, err)
	assert.NotZero(t, pid)
}

func TestAnUpgradeToABinaryThatFailsIsAnError(t *testing.T) {
	err := process.Upgrade(t.Context(), command("TEST_UPGRADE=fails"), handover.Upgrade{Listeners: []handover.Listener{{FD: handover.Descriptor(listener(t))}}}, func(int) {})
	assert.ErrorContains(t, err, "it ended with code 5")
}

func TestAnUpgradeThatIsNotWantedAnyMoreLeavesNothingBehind(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	pid := 0
	sleeps := process.Command{Path: "/bin/sleep", Args: []string{"sleep", "3600"}}
	err := process.Upgrade(ctx, sleeps, handover.Upgrade{Listeners: []handover.Listener{{FD: handover.Descriptor(listener(t))}}}, func(p int) { pid = p; cancel() })
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
}
