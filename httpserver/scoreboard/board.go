package scoreboard

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

const (
	magic = 0x70797365_72766531 // "pyserve1" when written from the highest byte on
	// version changes with any change of the records, so that a worker of another build says so instead
	// of reading nonsense.
	version = 4

	maxWorkers = 1 << 12
	// MaxThreads is how many threads a worker can have.
	MaxThreads = 1 << 14
)

// header begins the memory. The master writes it before any worker exists, and nobody changes it.
type header struct {
	magic, version         uint64
	workers, threads       uint64
	headerSize             uint64
	workerSize, threadSize uint64
	_                      [9]uint64
}

// pastRecord is what workers have counted that are gone. The master alone writes it.
type pastRecord struct {
	values           [maxStats]uint64 // by the lines of table
	duration, queued histogram
	_                [6]uint64
}

// maxStats is how many lines the table of counters may have.
const maxStats = 80

const (
	headerSize = unsafe.Sizeof(header{})
	pastSize   = unsafe.Sizeof(pastRecord{})
	workerSize = unsafe.Sizeof(workerRecord{})
	threadSize = unsafe.Sizeof(threadRecord{})
)

// Board is the table. Its methods, Close excepted, may be called by any goroutine at any time.
type Board struct {
	memory  memory
	past    *pastRecord
	workers []Worker
}

// New makes a board for the master, with room for that many workers at the same time, and for threads Python threads in
// each. The kernel sets the memory aside now, so that there is no lack of it later.
func New(workers, threads int) (*Board, error) {
	size, err := boardSize(workers, threads)
	if err != nil {
		return nil, err
	}
	m, err := newMemory(size)
	if err != nil {
		return nil, fmt.Errorf("scoreboard: %d bytes of shared memory: %w", size, err)
	}
	return format(m, workers, threads), nil
}

// Open maps the board behind fd, which a master of the same build has made and handed down. If that succeeds,
// fd belongs to the board, and is closed before Open returns: the mapping needs it no longer, and processes
// that the application starts should not have it. If it fails, fd remains the caller's.
func Open(fd int) (*Board, error) {
	m, err := openMemory(fd)
	if err != nil {
		return nil, fmt.Errorf("scoreboard: descriptor %d: %w", fd, err)
	}
	head, err := checkHeader(m.bytes)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("scoreboard: descriptor %d: %w", fd, err), m.unmap())
	}
	if err := m.closeDescriptor(); err != nil {
		return nil, errors.Join(fmt.Errorf("scoreboard: descriptor %d: %w", fd, err), m.unmap())
	}
	return newBoard(m, int(head.workers), int(head.threads)), nil
}

func boardSize(workers, threads int) (int, error) {
	if workers < 1 || workers > maxWorkers {
		return 0, fmt.Errorf("scoreboard: %d workers: want 1 to %d", workers, maxWorkers)
	}
	if threads < 1 || threads > MaxThreads {
		return 0, fmt.Errorf("scoreboard: %d threads: want 1 to %d", threads, MaxThreads)
	}
	size := uint64(headerSize+pastSize) + uint64(workers)*slotSize(threads)
	if size > 1<<30 {
		return 0, fmt.Errorf("scoreboard: %d workers of %d threads take %d bytes: want at most %d", workers, threads, size, 1<<30)
	}
	return int(size), nil
}

// slotSize is the size of a worker's record and those of its threads.
func slotSize(threads int) uint64 {
	return uint64(workerSize) + uint64(threads)*uint64(threadSize)
}

// format writes the header into m, which is zero.
func format(m memory, workers, threads int) *Board {
	*(*header)(unsafe.Pointer(&m.bytes[0])) = header{
		magic: magic, version: version,
		workers: uint64(workers), threads: uint64(threads),
		headerSize: uint64(headerSize), workerSize: uint64(workerSize), threadSize: uint64(threadSize),
	}
	return newBoard(m, workers, threads)
}

// checkHeader returns the header of b, or why b is not a board that this build can use.
func checkHeader(b []byte) (*header, error) {
	if len(b) < int(headerSize) {
		return nil, fmt.Errorf("no scoreboard: it has %d bytes, and the header alone %d", len(b), headerSize)
	}
	head := (*header)(unsafe.Pointer(&b[0]))
	if head.magic != magic {
		return nil, fmt.Errorf("no scoreboard: it begins with %#x", head.magic)
	}
	sizes := [...]uint64{head.version, head.headerSize, head.workerSize, head.threadSize}
	want := [...]uint64{version, uint64(headerSize), uint64(workerSize), uint64(threadSize)}
	if sizes != want {
		return nil, fmt.Errorf("the scoreboard of another build of pyserve: version and record sizes are %v, want %v", sizes, want)
	}
	if head.workers > maxWorkers || head.threads > MaxThreads {
		return nil, fmt.Errorf("a damaged scoreboard: it has %d workers with %d threads", head.workers, head.threads)
	}
	size, err := boardSize(int(head.workers), int(head.threads))
	if err != nil {
		return nil, fmt.Errorf("a damaged scoreboard: %w", err)
	}
	if len(b) != size {
		return nil, fmt.Errorf("a damaged scoreboard: it has %d bytes, and %d workers with %d threads take %d",
			len(b), head.workers, head.threads, size)
	}
	return head, nil
}

// newBoard makes the handles, once: nobody allocates one while requests run.
func newBoard(m memory, workers, threads int) *Board {
	b := &Board{memory: m, workers: make([]Worker, workers)}
	b.past = (*pastRecord)(unsafe.Pointer(&m.bytes[headerSize]))
	at := headerSize + pastSize
	for i := range b.workers {
		w := &b.workers[i]
		w.board, w.slot = b, i
		w.record = (*workerRecord)(unsafe.Pointer(&m.bytes[at]))
		at += workerSize
		w.threads = make([]Thread, threads)
		for j := range w.threads {
			w.threads[j] = Thread{
				record: (*threadRecord)(unsafe.Pointer(&m.bytes[at])),
				worker: i, number: j,
			}
			at += threadSize
		}
	}
	return b
}

// FD returns the descriptor of the memory, which is close-on-exec and belongs to the board: the master hands
// a copy to each worker it starts. It is -1 for a board that was opened, and where memory cannot be shared.
func (b *Board) FD() int { return b.memory.fd }

// Close gives the memory back. Using the board, or a Worker or Thread of it, afterwards is a fault that ends
// the process: whoever writes to it must have ended. A worker need not call it.
func (b *Board) Close() error {
	m := b.memory
	b.memory = memory{fd: -1}
	b.past, b.workers = nil, nil
	return errors.Join(m.unmap(), m.closeDescriptor())
}

// Slots returns how many workers there is room for.
func (b *Board) Slots() int { return len(b.workers) }

// Worker returns the slot with that number, from 0; it panics if there is none. It is the same one each time.
func (b *Board) Worker(slot int) *Worker { return &b.workers[slot] }

// Stats returns what all workers together have counted since the board was made.
func (b *Board) Stats() Stats {
	all := b.past.stats()
	for i := range b.workers {
		if b.workers[i].State() != Free {
			all.Add(b.workers[i].Stats())
		}
	}
	return all
}

// addToPast adds what w has counted to the past.
func (b *Board) addToPast(w *Worker) {
	s := w.Stats()
	for i, r := range table {
		if !r.stat.Gauge {
			addWord(&b.past.values[i], uint64(s.values[i]))
		}
	}
	b.past.duration.add(&s.Duration)
	b.past.queued.add(&s.Queued)
}

func (p *pastRecord) stats() Stats {
	s := Stats{values: make([]int64, len(table))}
	for i := range s.values {
		s.values[i] = int64(atomic.LoadUint64(&p.values[i]))
	}
	p.duration.addTo(&s.Duration)
	p.queued.addTo(&s.Queued)
	return s
}

// Count is what one worker has on its hands; see [Counters].
type Count struct {
	Slot, PID         int
	State             State
	Connections       int64
	Accepted, Answers uint64
	Polling           int32
	Hindered          bool
	Address           uint32
}

// Counts puts a Count for each slot that is not Free into to, from its beginning, and returns it. It allocates
// only when to is too small for that: a to with room for Slots entries never is.
func (b *Board) Counts(to []Count) []Count {
	to = to[:0]
	for i := range b.workers {
		w := &b.workers[i]
		state := w.State()
		if state == Free {
			continue
		}
		n := w.Counters()
		to = append(to, Count{
			Slot: i, PID: w.PID(), State: state, Connections: n.Connections.Load(),
			Accepted: n.Accepted.Load(), Answers: n.Answers.Load(),
			Polling: n.Polling.Load(), Hindered: n.Hindered.Load() != 0, Address: n.Address.Load(),
		})
	}
	return to
}

// zero clears what p points to, word by word, while others may read it.
func zero(p unsafe.Pointer, size uintptr) {
	for at := uintptr(0); at < size; at += 8 {
		atomic.StoreUint64((*uint64)(unsafe.Add(p, at)), 0)
	}
}
