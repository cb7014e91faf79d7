package scoreboard

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// State is how far a worker has come in its life.
type State uint32

// A worker's states, in their order. The master sets Free and Starting (by [Worker.Release] and
// [Worker.Reset]), the worker the others.
const (
	Free     State = iota // nobody has the slot
	Starting              // the application is being imported
	Ready                 // it takes connections
	Draining              // it finishes what it has, and ends
)

var stateNames = [...]string{"free", "starting", "ready", "draining"}

// String returns the state in lower case.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// Counters are what a worker counts. Each may be changed by any thread of the worker, and read by any process.
type Counters struct {
	// Connections is how many are open. Busy is how many threads are in a request: Begin and End keep it.
	Connections, Busy atomic.Int64

	// What the other workers balance connections by; what all of them read has a cache line of its own.

	// Accepted is how many connections have been accepted, and Answers how often the worker has looked for some
	// because another one called it.
	Accepted, Answers atomic.Uint64
	// Polling is how many threads wait for something to do, or are about to.
	Polling atomic.Int32
	// Hindered is 1 while a request takes long that keeps others from being answered, else 0.
	Hindered atomic.Uint32
	// Address is where the worker is called, in the way of whoever serves; 0 while it does not accept connections.
	Address atomic.Uint32
	_       [5]uint32

	// Requests is how many have been answered or refused, by Python or without it.
	Requests atomic.Int64
	// Refused is how many got 503 from the engine, for want of room or after too long a time in the queue.
	Refused atomic.Int64
	// TimedOut is how many of them ran into the request time-out.
	TimedOut atomic.Int64
	// Failed is how many of them the application ended by an exception, or without an answer.
	Failed atomic.Int64
	_      [4]uint64
}

// workerRecord is a worker's part of the memory: three cache lines.
type workerRecord struct {
	pid      atomic.Int64
	started  atomic.Int64 // Unix nanoseconds
	state    atomic.Uint32
	_        uint32
	_        [5]uint64
	counters Counters
}

// Worker is a slot for one worker process. Its methods may be called by any goroutine.
type Worker struct {
	board   *Board
	record  *workerRecord
	slot    int
	threads []Thread
}

// Reset makes the slot ready for a new worker, Starting and with nothing counted. The master calls it before
// it starts the process, with the pid 0 and then SetPID when it knows the pid, and only when the slot's last
// process is dead and its InRequests have been read: a process that still writes would do so into its
// successor's records.
func (w *Worker) Reset(pid int) {
	w.Release()
	w.record.pid.Store(int64(pid))
	w.record.started.Store(time.Now().UnixNano())
	w.SetState(Starting)
}

// Release empties the slot and makes it Free. The same holds as for Reset.
func (w *Worker) Release() {
	w.SetState(Free)
	zero(unsafe.Pointer(w.record), workerSize)
	for i := range w.threads {
		zero(unsafe.Pointer(w.threads[i].record), threadSize)
	}
}

// Board returns the board that the slot is on.
func (w *Worker) Board() *Board { return w.board }

// Slot returns the slot's number on the board.
func (w *Worker) Slot() int { return w.slot }

// PID returns the worker's process id, or 0 while there is none.
func (w *Worker) PID() int { return int(w.record.pid.Load()) }

// SetPID says which process has the slot. Master and worker may both do so.
func (w *Worker) SetPID(pid int) { w.record.pid.Store(int64(pid)) }

// Started returns when Reset was called last; the zero time for a slot that is Free.
func (w *Worker) Started() time.Time {
	if ns := w.record.started.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// State returns how far the worker has come.
func (w *Worker) State() State { return State(w.record.state.Load()) }

// SetState says how far the worker has come.
func (w *Worker) SetState(s State) { w.record.state.Store(uint32(s)) }

// Counters returns the worker's counters, in the shared memory itself.
func (w *Worker) Counters() *Counters { return &w.record.counters }

// Threads returns how many threads there is room for.
func (w *Worker) Threads() int { return len(w.threads) }

// Thread returns the record of the thread with that number, from 0; it panics if there is none. It is the same
// one each time.
func (w *Worker) Thread(number int) *Thread { return &w.threads[number] }

// InRequests returns what each thread that is in a request is doing, by the threads' numbers. Of a worker
// that has died, it is what it was doing then.
func (w *Worker) InRequests() []Request {
	var requests []Request
	for i := range w.threads {
		if r, ok := w.threads[i].Current(); ok {
			requests = append(requests, r)
		}
	}
	return requests
}
