package scoreboard

import (
	"encoding/binary"
	"runtime"
	"sync/atomic"
)

const (
	methodRoom = 16
	targetRoom = 264
)

// threadRecord is a thread's part of the memory, of which a request with a short target touches two cache lines, and what
// it counts some more.
type threadRecord struct {
	// sequence is the request's number and, in its two lowest bits, a phase. Its value changes with every
	// phase and never comes again, so a reader that finds the same one before and after has read one record.
	sequence atomic.Uint64
	// entered and moved are times as [Now] gives them.
	entered, moved atomic.Int64
	// lengths are those of the method, in the upper half, and the target as the client sent them; of the
	// text there is what the room holds.
	lengths atomic.Uint64
	method  [methodRoom / 8]uint64
	target  [targetRoom / 8]uint64
	_       uint64

	counters threadCounters
}

// The phases of a record.
const (
	idle    = iota // in no request
	writing        // entering one: times and text are partly those of the request before
	running        // in one
	phases  = 4
)

// Thread is the record of one Python thread. Begin, Moved and End belong to that one thread of the worker;
// the others may be called by any goroutine of any process.
type Thread struct {
	record         *threadRecord
	worker, number int
}

// Begin records that the thread enters Python, at the time now (see [Now]), with a request. It returns the
// request's number, which counts from 1 in each life of a worker's slot: the thread has it in common with no
// other of its requests. It neither keeps method and target nor allocates.
func (t *Thread) Begin(now int64, method, target []byte) (number uint64) {
	r := t.record
	last := r.sequence.Load()
	number = last/phases + 1
	r.sequence.Store(number*phases + writing)
	setStamp(&r.entered, now)
	setStamp(&r.moved, now)
	setWord(&r.lengths, packLengths(len(method), len(target)))
	setText(r.method[:], method[:min(len(method), methodRoom)])
	setText(r.target[:], target[:min(len(target), targetRoom)])
	r.sequence.Store(number*phases + running)
	return number
}

// Moved records that the request got on at the time now: a chunk was read or yielded.
func (t *Thread) Moved(now int64) { t.record.moved.Store(now) }

// End records that the thread has come out of Python. Without a request it does nothing.
func (t *Thread) End() {
	s := t.record.sequence.Load()
	if s%phases == idle {
		return
	}
	t.record.sequence.Store(s - s%phases + idle)
}

// Progress returns the number of the request that the thread is in and when it last moved (as [Now] gives
// it), or false when it is in none. It is cheap, for who looks often; the two belong together.
func (t *Thread) Progress() (number uint64, moved int64, ok bool) {
	for {
		s := t.record.sequence.Load()
		if s%phases != running {
			return 0, 0, false
		}
		moved = t.record.moved.Load()
		if t.record.sequence.Load() == s {
			return s / phases, moved, true
		}
	}
}

// attempts is how often Current reads a record that changes meanwhile. A writer is done within a microsecond,
// unless it was killed or its processor taken away.
const attempts = 100

// Current returns the request that the thread is in, or false when it is in none. If no attempt found the
// record at rest, Request.Torn is true, and the rest is what was there.
func (t *Thread) Current() (request Request, ok bool) {
	for range attempts {
		before := t.record.sequence.Load()
		if before%phases == idle {
			return Request{}, false
		}
		request = t.read(before / phases)
		if before%phases == running && t.record.sequence.Load() == before {
			return request, true
		}
		runtime.Gosched()
	}
	request.Torn = true
	return request, true
}

// read returns what is in the record, torn or not.
func (t *Thread) read(number uint64) Request {
	r := t.record
	method, target := unpackLengths(r.lengths.Load())
	return Request{
		Worker: t.worker, Thread: t.number, Number: number,
		Method: text(r.method[:], method), MethodLength: method,
		Target: text(r.target[:], target), TargetLength: target,
		Entered: r.entered.Load(), Moved: r.moved.Load(), Seen: Now(),
	}
}

// maxLength bounds the lengths as they are stored, so that each fits a half of a word and an int of 32 bits.
const maxLength = 1<<31 - 1

func packLengths(method, target int) uint64 {
	return uint64(min(method, maxLength))<<32 | uint64(min(target, maxLength))
}

// unpackLengths returns no negative length whatever the word holds: a worker's C code may have written over it.
func unpackLengths(word uint64) (method, target int) {
	return int(word >> 32 & maxLength), int(word & maxLength)
}

// text returns the text in words, which was length bytes long before it was cut to fit.
func text(words []uint64, length int) string {
	b := make([]byte, 0, targetRoom)
	for i := 0; i < len(words) && len(b) < length; i++ {
		b = binary.NativeEndian.AppendUint64(b, atomic.LoadUint64(&words[i]))
	}
	return string(b[:min(length, len(b))])
}
