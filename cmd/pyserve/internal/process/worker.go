//go:build linux

package process

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/handover"
	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// Events is told what workers do; *supervise.Supervisor is one. Its methods must not block.
type Events interface {
	WorkerReady(id int)
	WorkerRetires(id int, reason string, stuck bool)
	WorkerLeaves(id int)
	WorkerExited(id int, exit supervise.Exit)
	Reload()
}

// Shared is what all workers of a master share.
type Shared struct {
	Board     *scoreboard.Board
	Listeners []int  // descriptors
	Dir       string // see handover.Worker
	Folders   string // see handover.Worker
	Events    Events
	Log       *slog.Logger
}

// A Worker is a worker process. It implements supervise.Process.
type Worker struct {
	shared  Shared
	id      int
	row     *scoreboard.Worker
	control *handover.Control
	crash   int // what the process writes Python's stacks to when it dies of a signal

	mu     sync.Mutex // held while the process is signalled, or reaped
	pid    int
	reaped bool
}

// Born starts the process of a worker from what it inherits, given by the numbers of the descriptors as they
// are in this process, and returns its pid, and a function that waits for its end.
type Born func(inherits handover.Worker) (pid int, wait func() (syscall.WaitStatus, error), err error)

// Exec returns the Born that runs command.
func Exec(command Command) Born {
	return func(in handover.Worker) (int, func() (syscall.WaitStatus, error), error) {
		pid, err := command.Start(in.Template())
		return pid, func() (syscall.WaitStatus, error) { return wait(pid) }, err
	}
}

// StartWorker starts a worker. What becomes of it goes to shared.Events.
func StartWorker(shared Shared, spec supervise.Spec, born Born) (*Worker, error) {
	control, theirs, err := handover.Pair()
	if err != nil {
		return nil, err
	}
	defer unix.Close(theirs)
	crash, err := unix.MemfdCreate("pyserve-crash", unix.MFD_CLOEXEC)
	if err != nil {
		control.Close()
		return nil, os.NewSyscallError("memfd_create", err)
	}
	w := &Worker{shared: shared, id: spec.ID, row: shared.Board.Worker(spec.Slot), control: control, crash: crash}
	w.row.Reset(0)
	pid, wait, err := born(handover.Worker{
		Slot: spec.Slot, Control: theirs, Board: shared.Board.FD(), Crash: crash, Listeners: shared.Listeners, Dir: shared.Dir, Folders: shared.Folders,
	})
	if err != nil {
		w.row.Release()
		w.close()
		return nil, err
	}
	w.pid = pid
	w.row.SetPID(pid)
	go w.follow(wait)
	return w, nil
}

func (w *Worker) close() {
	w.control.Close()
	unix.Close(w.crash)
}

// follow passes on what the worker says, and at last its end.
func (w *Worker) follow(wait func() (syscall.WaitStatus, error)) {
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		w.listen()
	}()
	status, err := wait()
	w.mu.Lock()
	w.reaped = true
	w.mu.Unlock()
	w.control.Shutdown()
	<-heard // it was ready before it ended
	exit := exitOf(status)
	if err != nil {
		exit.Report = append(exit.Report, slog.Any("error", err))
	}
	exit.Report = append(exit.Report, w.report()...)
	w.row.Release()
	w.close()
	w.shared.Events.WorkerExited(w.id, exit)
}

func (w *Worker) listen() {
	for {
		message, text, err := w.control.Receive()
		if err != nil {
			return
		}
		switch message {
		case handover.Ready:
			w.shared.Events.WorkerReady(w.id)
		case handover.Retire, handover.Stuck:
			w.shared.Events.WorkerRetires(w.id, text, message == handover.Stuck)
		case handover.Leave:
			w.shared.Events.WorkerLeaves(w.id)
		case handover.Change:
			w.shared.Log.Info("a file has changed", "file", text)
			w.shared.Events.Reload()
		default:
			w.shared.Log.Error("a worker has said something that nobody understands", "pid", w.pid, "message", message)
		}
	}
}

// report tells what the dead worker was doing.
func (w *Worker) report() (attrs []slog.Attr) {
	if requests := w.row.InRequests(); len(requests) > 0 {
		lines := make([]string, len(requests))
		for i, r := range requests {
			lines[i] = r.String()
		}
		attrs = append(attrs, slog.String("requests", "in "+strings.Join(lines, "\nin ")+"\n"))
	}
	if stacks := w.stacks(); stacks != "" {
		attrs = append(attrs, slog.String("stacks", stacks+"\n"))
	}
	return attrs
}

// exitOf puts a wait status into words.
func exitOf(status syscall.WaitStatus) supervise.Exit {
	if status.Signaled() {
		name := unix.SignalName(status.Signal())
		if name == "" {
			name = "signal " + strconv.Itoa(int(status.Signal()))
		}
		return supervise.Exit{Signal: name}
	}
	return supervise.Exit{Code: status.ExitStatus()}
}

// PID implements supervise.Process.
func (w *Worker) PID() int { return w.pid }

// Signal implements supervise.Process. A process that has ended gets none: its number may be another's.
func (w *Worker) Signal(s supervise.Signal) error {
	number := map[supervise.Signal]syscall.Signal{
		supervise.Terminate: syscall.SIGTERM, supervise.Quit: syscall.SIGQUIT, supervise.Kill: syscall.SIGKILL, supervise.Reopen: syscall.SIGUSR1,
	}[s]
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reaped {
		return os.ErrProcessDone
	}
	return os.NewSyscallError("kill", syscall.Kill(w.pid, number))
}

// Drain implements supervise.Process.
func (w *Worker) Drain() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reaped {
		return os.ErrProcessDone
	}
	return w.control.Send(handover.Drain, "")
}

// RSS implements supervise.Process, from /proc/PID/statm (proc(5)).
func (w *Worker) RSS() (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", w.pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm is %q", w.pid, data)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
