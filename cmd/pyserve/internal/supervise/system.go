package supervise

import (
	"context"
	"errors"
	"log/slog"
	"slices"
)

// System is what the supervisor asks of the operating system. All methods but Prepare and Upgrade are called by
// the goroutine of Run and must return soon. Events (WorkerReady and the others) may be posted from inside them.
type System interface {
	// Prepare makes ready what the workers of a generation are started from, such as a zygote that has
	// imported the application. It runs in a goroutine of its own and may take its time; it returns soon
	// after ctx ends, leaving nothing behind. The cause of that end is ErrStartTimeout when it took too long. An error fails the first start (its ExitCode() int, if it has
	// such a method, becomes the master's) or the reload.
	Prepare(ctx context.Context, generation int) error

	// Forget undoes Prepare. It is called once for each generation whose Prepare returned nil, when none of
	// its workers lives and none will be started.
	Forget(generation int)

	// Start starts a worker. Its Spec.ID is what events name it by.
	Start(Spec) (Process, error)

	// Upgrade starts the program's new binary as another master and waits until that one says it is ready
	// (nil), fails or exits. It runs in a goroutine of its own; when ctx ends first, with a cause as for Prepare, it
	// ends the new master and returns. After nil the new master is on its own.
	Upgrade(ctx context.Context) error

	// ReopenLogs reopens the master's own log files.
	ReopenLogs()

	// Notify reports the master's state to the service manager (sd_notify), one of Starting, Ready, Reloading and
	// Stopping, and a line about it for people. It is called when one of them changes.
	Notify(state State, status string)
}

// A Spec says which worker to start.
type Spec struct {
	// ID is the number of this start. It is never used again, unlike a PID, which may belong to another
	// process by the time its exit is heard of.
	ID int
	// Slot is the lowest number, from 0, that no living worker has.
	Slot int
	// Generation counts from 1.
	Generation int
}

// A Process is a worker that was started. Its methods may be called when it is dead and not yet reported so;
// their errors are then of no consequence.
type Process interface {
	PID() int
	Signal(Signal) error
	// Drain tells the worker to leave while others take over: it accepts no more connections, and an idle one
	// may make one more request. (SIGTERM is for when nobody takes over.)
	Drain() error
	// RSS returns the resident set size in bytes.
	RSS() (int64, error)
}

// ErrStartTimeout is the cause of the end of a context after Options.StartTimeout.
var ErrStartTimeout = errors.New("it took longer than the start time-out")

// A Signal is one of those that the master sends to workers.
type Signal int

const (
	Terminate Signal = iota + 1 // SIGTERM: finish the requests, then leave
	Quit                        // SIGQUIT: leave immediately
	Kill                        // SIGKILL
	Reopen                      // SIGUSR1: reopen the log files
)

// String returns the signal's name, such as SIGTERM.
func (s Signal) String() string {
	switch s {
	case Terminate:
		return "SIGTERM"
	case Quit:
		return "SIGQUIT"
	case Kill:
		return "SIGKILL"
	case Reopen:
		return "SIGUSR1"
	}
	return "no signal"
}

// An Exit says how a worker ended.
type Exit struct {
	Code   int    // the exit code, when Signal is empty
	Signal string // the signal's name, such as SIGSEGV
	// Report is put into the log record of a worker that died: the requests it was in, Python's stacks.
	Report []slog.Attr
}

// byOthers reports whether it was one of the signals by which people and service managers ask a process to end. The
// master sends none of them to a worker that has a seat.
func (e Exit) byOthers() bool {
	return slices.Contains([]string{"SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"}, e.Signal)
}

func (e Exit) attr() slog.Attr {
	if e.Signal != "" {
		return slog.String("signal", e.Signal)
	}
	return slog.Int("exit_code", e.Code)
}
