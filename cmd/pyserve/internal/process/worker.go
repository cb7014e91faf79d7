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

// Events hears what workers do; *supervise.Supervisor is one. Its methods must not block.
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
	Listeners []handover.Listener
	Dir       string // see handover.Worker
	Folders   string // see handover.Worker
	Reload    bool   // workers may say that files have changed
	// Leftovers ends what workers have started that died; each worker then leads a process group. nil leaves it.
	Leftovers *Leftovers
	Events    Events
	Log       *slog.Logger
	// Quiet says that a worker of the same generation was started already, which reports an import that takes long.
	Quiet bool
}

// A Worker is a worker process. It implements supervise.Process.
type Worker struct {
	shared  Shared
	id      int
	row     *scoreboard.Worker
	control *handover.Control
	crash   int // what the process writes Python's stacks to when it dies of a signal

	left bool // it said that it has left in order; belongs to listen

	mu     sync.Mutex // held while the process is signalled
	handle Handle
	ended  bool // its number may be another's
}

// Born starts the process of a worker from what it inherits, given by the numbers of the descriptors as they
// are in this process.
type Born func(inherits handover.Worker) (Started, error)

// Started is a process and how to hear of its end.
type Started struct {
	Handle Handle // its pidfd is the worker's
	// Ended, if not nil, returns when the process has ended and is not reaped yet. Status reaps it.
	Ended  func() error
	Status func() (syscall.WaitStatus, error)
}

// Exec returns the Born that runs command.
func Exec(command Command) Born {
	return func(in handover.Worker) (Started, error) {
		h, err := command.Start(in.Template())
		return Started{h, h.wait, h.reap}, err
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
		_ = control.Close()
		return nil, os.NewSyscallError("memfd_create", err)
	}
	w := &Worker{shared: shared, id: spec.ID, row: shared.Board.Worker(spec.Slot), control: control, crash: crash}
	w.row.Reset(0)
	started, err := born(handover.Worker{
		Slot: spec.Slot, Control: handover.Descriptor(theirs), Board: handover.Descriptor(shared.Board.FD()), Crash: handover.Descriptor(crash),
		Listeners: shared.Listeners, Dir: handover.Verbatim(shared.Dir), Folders: handover.Verbatim(shared.Folders),
		Group: shared.Leftovers != nil, Quiet: shared.Quiet,
	})
	if err != nil {
		w.row.Release()
		w.close()
		return nil, err
	}
	w.handle = started.Handle
	w.row.SetPID(w.handle.PID)
	go w.follow(started)
	return w, nil
}

func (w *Worker) close() {
	_ = w.control.Close()
	unix.Close(w.crash)
	w.handle.close()
}

// follow passes on what the worker says, and at last its end.
func (w *Worker) follow(started Started) {
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		w.listen()
	}()
	status, err := syscall.WaitStatus(0), error(nil)
	if started.Ended != nil {
		err = started.Ended()
	} else {
		status, err = started.Status()
	}
	w.setEnded()
	w.control.Shutdown()
	<-heard // it was ready before it ended
	if w.shared.Leftovers != nil && !w.left {
		w.shared.Leftovers.End(w.PID(), w.shared.Log) // before it is reaped, if that can be: its group's number is still its own
	}
	if started.Ended != nil && err == nil {
		status, err = started.Status()
	}
	exit := exitOf(status)
	if err != nil {
		exit.Report = append(exit.Report, slog.Any("error", err))
	}
	exit.Report = append(exit.Report, w.report()...)
	w.row.Release()
	w.close()
	w.shared.Events.WorkerExited(w.id, exit)
}

func (w *Worker) setEnded() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
}

func (w *Worker) hasEnded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// report logs what the dead worker was doing.
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
func (w *Worker) PID() int { return w.handle.PID }

// Signal implements supervise.Process. A process that has ended gets none: its number may be another's. It is asked to leave by
// a message: the application may just have taken the signal from it, and one that is starting may not have caught it yet.
func (w *Worker) Signal(s supervise.Signal) error {
	number := map[supervise.Signal]syscall.Signal{
		supervise.Terminate: syscall.SIGTERM, supervise.Quit: syscall.SIGQUIT, supervise.Kill: syscall.SIGKILL, supervise.Reopen: syscall.SIGUSR1,
	}[s]
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return os.ErrProcessDone
	}
	order := map[supervise.Signal]string{supervise.Terminate: handover.Finish, supervise.Quit: handover.Quit}[s]
	if order != "" && w.control.Send(order, "") == nil {
		return nil
	}
	return w.handle.signal(number)
}

// Drain implements supervise.Process.
func (w *Worker) Drain() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return os.ErrProcessDone
	}
	return w.control.Send(handover.Drain, "")
}

// RSS implements supervise.Process, from /proc/PID/statm (proc(5)).
func (w *Worker) RSS() (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", w.handle.PID))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm is %q", w.PID(), data)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
