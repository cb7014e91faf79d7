package scoreboard

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThreadTellsWhatItIsDoing(t *testing.T) {
	b := newBoardFor(t, 2, 3)
	thread, other := b.Worker(1).Thread(2), b.Worker(1).Thread(1)

	_, ok := thread.Current()
	assert.False(t, ok, "before the first request")
	_, _, ok = thread.Progress()
	assert.False(t, ok, "before the first request")

	assert.EqualValues(t, 1, begin(thread, 1000, "GET", "/slow?x=1"))
	r, ok := thread.Current()
	require.True(t, ok)
	assert.GreaterOrEqual(t, r.Seen, int64(0))
	r.Seen = 0
	assert.Equal(t, Request{Worker: 1, Thread: 2, Number: 1, Method: "GET", MethodLength: 3,
		Target: "/slow?x=1", TargetLength: 9, Entered: 1000, Moved: 1000}, r)

	thread.Moved(3000)
	number, moved, ok := thread.Progress()
	assert.True(t, ok)
	assert.EqualValues(t, 1, number)
	assert.EqualValues(t, 3000, moved)
	r, _ = thread.Current()
	assert.EqualValues(t, 1000, r.Entered, "Moved leaves alone when the request began")
	assert.EqualValues(t, 3000, r.Moved)

	_, ok = other.Current()
	assert.False(t, ok, "another thread")

	thread.End()
	_, ok = thread.Current()
	assert.False(t, ok, "after the request")
	assert.EqualValues(t, 2, begin(thread, 4000, "", ""))
	r, ok = thread.Current()
	require.True(t, ok)
	assert.Empty(t, r.Method+r.Target, "nothing of the request before is left")
	assert.EqualValues(t, 2, r.Number)
	assert.EqualValues(t, 4000, r.Moved)
}

func TestBusyCountsThreadsInRequestsWhateverTheOrderOfCalls(t *testing.T) {
	w := newBoardFor(t, 1, 2).Worker(0)
	busy := w.busy
	w.Thread(0).End()
	assert.EqualValues(t, 0, busy(), "an end without a beginning")
	begin(w.Thread(0), 1, "GET", "/")
	begin(w.Thread(1), 1, "GET", "/")
	assert.EqualValues(t, 2, busy())
	begin(w.Thread(0), 1, "GET", "/2")
	assert.EqualValues(t, 2, busy(), "a beginning without an end")
	w.Thread(0).End()
	w.Thread(0).End()
	assert.EqualValues(t, 1, busy(), "two ends")
}

func TestLongTextIsCutAndItsLengthKept(t *testing.T) {
	thread := newBoardFor(t, 1, 2).Worker(0).Thread(0)
	for _, c := range []struct {
		name           string
		method, target int
	}{
		{name: "nothing"},
		{name: "one byte", method: 1, target: 1},
		{name: "a word less one", method: 7, target: 7},
		{name: "a word", method: 8, target: 8},
		{name: "a word and one", method: 9, target: 9},
		{name: "all the room", method: methodRoom, target: targetRoom},
		{name: "one more than the room", method: methodRoom + 1, target: targetRoom + 1},
		{name: "a long method with a short target", method: 1000, target: 1},
		{name: "64 KiB", method: 1 << 16, target: 1 << 16},
	} {
		t.Run(c.name, func(t *testing.T) {
			begin(thread, 1, long("XYZ", methodRoom), long("!?", targetRoom))
			method, target := long("METHOD", c.method), long("/target", c.target)
			begin(thread, 1, method, target)
			r, ok := thread.Current()
			require.True(t, ok)
			assert.Equal(t, method[:min(c.method, methodRoom)], r.Method)
			assert.Equal(t, target[:min(c.target, targetRoom)], r.Target)
			assert.Equal(t, c.method, r.MethodLength)
			assert.Equal(t, c.target, r.TargetLength)
			assert.False(t, r.Torn)
		})
	}
	_, ok := thread.busyNeighbour()
	assert.False(t, ok, "the next thread's record is untouched")
}

// busyNeighbour looks at the record behind t's.
func (t *Thread) busyNeighbour() (Request, bool) {
	next := (*threadRecord)(unsafe.Add(unsafe.Pointer(t.record), threadSize))
	return (&Thread{record: next}).Current()
}

func TestATornRecordIsShownAndMarked(t *testing.T) {
	w := newBoardFor(t, 1, 1).Worker(0)
	thread := w.Thread(0)
	begin(thread, 7, "GET", "/first/first")
	beginHalf(thread, "POST", "/other/other")

	r, ok := thread.Current()
	require.True(t, ok)
	assert.True(t, r.Torn)
	assert.EqualValues(t, 2, r.Number)
	assert.Equal(t, "POST", r.Method)
	assert.Equal(t, "/other", r.Target[:6])
	assert.Equal(t, []Request{r}, sameMoment(w.InRequests(), r.Seen))
	_, _, ok = thread.Progress()
	assert.False(t, ok, "there is no progress to tell of yet")

	assert.EqualValues(t, 3, begin(thread, 8, "PUT", "/third"), "the next Begin mends it")
	r, _ = thread.Current()
	assert.False(t, r.Torn)
}

func sameMoment(requests []Request, seen int64) []Request {
	for i := range requests {
		requests[i].Seen = seen
	}
	return requests
}

func TestARecordWrittenOverWithAnythingCanBeRead(t *testing.T) {
	thread := privateBoard(t, 1, 1).Worker(0).Thread(0)
	for _, value := range []byte{0xff, 0x80, 0x7f, 0x02, 0x01} {
		for i := range unsafe.Slice((*byte)(unsafe.Pointer(thread.record)), threadSize) {
			*(*byte)(unsafe.Add(unsafe.Pointer(thread.record), i)) = value
		}
		r, _ := thread.Current()
		assert.LessOrEqual(t, len(r.Target), targetRoom)
		assert.NotPanics(t, func() { _ = r.String() })
		thread.Progress()
	}
}

func TestReadersNeverTakeTwoRequestsForOne(t *testing.T) {
	for _, c := range []struct {
		name  string
		board *Board
	}{
		{"in memory that the race detector watches", privateBoard(t, 1, 2)},
		{"in shared memory", newBoardFor(t, 1, 2)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := c.board.Worker(0)
			finished := make(chan struct{})
			go func() {
				defer close(finished)
				writePatterns(w.Thread(0), func(number uint64) bool { return number < 100_000 })
			}()
			readers := make(chan int)
			for range 2 {
				go func() { readers <- readPatterns(t, c.board, finished) }()
			}
			whole := <-readers + <-readers
			t.Logf("%d whole records read", whole)
			assert.Zero(t, w.busy())
		})
	}
}

// readPatterns looks at b's first worker until finished, and returns how many records it found whole.
func readPatterns(t *testing.T, b *Board, finished <-chan struct{}) (whole int) {
	var counts []Count
	w := b.Worker(0)
	for {
		select {
		case <-finished:
			return whole
		default:
		}
		for _, r := range w.InRequests() {
			if r.Torn {
				continue
			}
			whole++
			if fault := patternFault(r); fault != "" {
				t.Errorf("a mixture: %s", fault)
				return whole
			}
		}
		w.Thread(0).Progress()
		counts = b.Counts(counts)
	}
}

func TestRecordsBeginAtCacheLines(t *testing.T) {
	for name, size := range map[string]uintptr{"header": headerSize, "past": pastSize, "worker": workerSize, "thread": threadSize,
		"counters": unsafe.Offsetof(workerRecord{}.counters), "counters of a thread": unsafe.Offsetof(threadRecord{}.counters),
		"Accepted": unsafe.Offsetof(Counters{}.Accepted), "Early": unsafe.Offsetof(Counters{}.Early)} {
		assert.Zero(t, size%cacheLine, name)
	}
	for _, b := range []*Board{newBoardFor(t, 1, 1), privateBoard(t, 1, 1)} {
		assert.Zero(t, uintptr(unsafe.Pointer(b.Worker(0).Thread(0).record))%cacheLine)
	}
}

// Whoever changes a record changes the version, too: then this test is to be changed.
func TestTheLayoutIsThatOfItsVersion(t *testing.T) {
	assert.EqualValues(t, 4, version)
	assert.Equal(t, []uintptr{128, 2240, 448, 2048}, []uintptr{headerSize, pastSize, workerSize, threadSize}, "doc.go shows these sizes")
	var names []string
	for _, r := range table {
		names = append(names, r.stat.Name)
	}
	assert.Equal(t, "connections connections_idle connections_reading connections_writing threads_busy accepted requests "+
		"responses_2xx responses_3xx responses_4xx responses_5xx responses_aborted "+
		"methods_GET methods_HEAD methods_POST methods_PUT methods_PATCH methods_DELETE methods_OPTIONS methods_other "+
		"bytes_received bytes_sent early own_4xx own_5xx refused timed_out failed malformed too_large "+
		"header_timeouts body_timeouts idle_timeouts write_timeouts queue_full queue_aged "+
		"spool_disk_refusals spool_failures spool_memory_refusals spool_disk_waits keepalive_ends "+
		"too_many_connections too_many_of_address idle_closed accept_failures disk_waiting disk_timeouts access_log_lost "+
		"gil_samples gil_held", strings.Join(names, " "))
	assert.LessOrEqual(t, len(table), maxStats)
}

func TestNothingIsAllocatedWhileRequestsRun(t *testing.T) {
	b := newBoardFor(t, 8, 4)
	w := b.Worker(3)
	w.Reset(1)
	thread, method, target := w.Thread(2), []byte("GET"), []byte("/slow?x=1")
	counts := make([]Count, 0, b.Slots())
	for name, f := range map[string]func(){
		"a request": func() {
			thread.Begin(Now(), method, target)
			thread.Moved(Now())
			thread.Count(&Answered{Status: 200, Method: method})
			thread.End()
		},
		"Progress": func() { thread.Progress() },
		"Counts":   func() { counts = b.Counts(counts) },
	} {
		assert.Zero(t, testing.AllocsPerRun(100, f), name)
	}
}

func BenchmarkRequest(b *testing.B) {
	thread := newBoardFor(b, 1, 1).Worker(0).Thread(0)
	method := []byte("GET")
	for _, c := range []struct {
		name   string
		length int
	}{{"target of 30 bytes", 30}, {"target of 264 bytes", targetRoom}} {
		target := []byte(long("/target", c.length))
		b.Run("Begin, "+c.name, func(b *testing.B) {
			for b.Loop() {
				thread.Begin(1, method, target)
			}
		})
		b.Run("Begin and End, "+c.name, func(b *testing.B) {
			for b.Loop() {
				thread.Begin(1, method, target)
				thread.End()
			}
		})
	}
	b.Run("Count", func(b *testing.B) {
		for b.Loop() {
			thread.Count(&Answered{Status: 200, Method: method, Sent: 10, Duration: 20_000})
		}
	})
	b.Run("Moved", func(b *testing.B) {
		for b.Loop() {
			thread.Moved(1)
		}
	})
}

func BenchmarkReading(b *testing.B) {
	board := newBoardFor(b, 9, 16)
	for i := range 9 {
		board.Worker(i).Reset(1)
	}
	thread := board.Worker(0).Thread(0)
	begin(thread, Now(), "GET", long("/target", 30))
	counts := make([]Count, 0, board.Slots())
	b.Run("Counts of 9 slots", func(b *testing.B) {
		for b.Loop() {
			counts = board.Counts(counts)
		}
	})
	b.Run("Progress", func(b *testing.B) {
		for b.Loop() {
			thread.Progress()
		}
	})
	b.Run("Current", func(b *testing.B) {
		for b.Loop() {
			thread.Current()
		}
	})
	b.Run("Now", func(b *testing.B) {
		for b.Loop() {
			Now()
		}
	})
}
