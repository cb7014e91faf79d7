package scoreboard

import (
	"sync/atomic"
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

// workerRecord is a worker's part of the memory.
type workerRecord struct {
	pid      atomic.Int64
	state    atomic.Uint32
	_        uint32
	_        [6]uint64
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
	w.SetState(Starting)
}

// Release empties the slot and makes it Free; what was counted in it goes into Board.Stats. The same holds as for Reset.
func (w *Worker) Release() {
	w.board.addToPast(w)
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
