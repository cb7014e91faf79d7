package httpserver

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

// ErrLogFull is what [LogWriter.Write] returns for a record that is lost.
var ErrLogFull = errors.New("the log is not written fast enough: this record is lost")

// logMemory is how many bytes may wait to be written; with so many as logEnough nobody waits for more.
const (
	logMemory = 1 << 20
	logEnough = logMemory / 4
)

// A log that cannot be written is tried again after this time, and losses are reported this rarely.
const logRetry = time.Second

// LogWriter passes records on to another writer from a goroutine of its own, so that nobody who logs waits for a
// disk, or for the reader of a pipe. What is written in a short time goes out by one call, in order and in whole
// records. What cannot be written waits in memory, up to 1 MiB; beyond that, records are lost, which is counted and
// reported. There is no goroutine while nothing waits. The methods may be called concurrently.
type LogWriter struct {
	name  string // for messages
	log   *slog.Logger
	delay time.Duration
	hurry chan struct{} // cuts a pause short

	mu      sync.Mutex
	w       io.Writer
	most    int // bytes of one call, if they are several records
	outputs int // how often w was changed
	waiting records
	size    int           // bytes that wait, those of the goroutine included
	pending int           // records that do
	queued  int64         // bytes ever taken
	moved   chan struct{} // closed at the next success or failure; nil when nobody waits for it
	running bool
	failed  error // of the last call
	fails   int   // calls that failed, ever
	loss    loss
}

// NewLogWriter returns a LogWriter for w, one call of w.Write for each record, or for many if w is a
// file (an [os.File]). Once a record has been written, the next ones wait up to delay, so that they go out
// together. Messages about what name, such as "the access log", loses go to log; nil is nowhere.
func NewLogWriter(w io.Writer, name string, delay time.Duration, log *slog.Logger) *LogWriter {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &LogWriter{name: name, log: log, delay: delay, hurry: make(chan struct{}, 1), w: w, most: togetherIn(w)}
}

// SetLog changes where messages about losses go.
func (l *LogWriter) SetLog(log *slog.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log = log
}

// setOutput changes where records go and returns where they went. A call that is under way ends there.
func (l *LogWriter) setOutput(w io.Writer) (old io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old, l.w, l.most = l.w, w, togetherIn(w)
	l.outputs++
	return old
}

// Write takes a copy of a record, one or more whole lines. The error is ErrLogFull.
func (l *LogWriter) Write(record []byte) (int, error) {
	l.mu.Lock()
	if l.size+len(record) > logMemory {
		first := l.loss.lose()
		l.mu.Unlock()
		if first {
			go l.reportLoss() // which writes, maybe to here
		}
		return 0, ErrLogFull
	}
	l.waiting.add(record)
	l.size += len(record)
	l.pending++
	l.queued += int64(len(record))
	start, enough := !l.running, l.failed == nil && len(l.waiting.text) >= logEnough
	l.running = true
	l.mu.Unlock()
	switch {
	case start:
		go l.run()
	case enough:
		l.hasten()
	}
	return len(record), nil
}

func (l *LogWriter) hasten() {
	select {
	case l.hurry <- struct{}{}:
	default:
	}
}

// run writes until nothing waits, and nothing is to be reported.
func (l *LogWriter) run() {
	var batch records
	for l.nextBatch(&batch) {
		pause := l.delay
		if batch.count() == 0 {
			pause = logRetry
		}
		for batch.count() > 0 {
			if !l.pass(&batch) {
				l.pause(logRetry)
			}
		}
		l.pause(pause)
		l.reportEnd()
	}
}

// nextBatch moves what waits into batch, which is empty. It returns false when the goroutine is to end.
func (l *LogWriter) nextBatch(batch *records) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	*batch, l.waiting = l.waiting, batch.emptied()
	l.running = batch.count() > 0 || l.loss.lasts
	return l.running
}

// pass makes one call of Write, and reports whether it was a success.
func (l *LogWriter) pass(batch *records) bool {
	l.mu.Lock()
	w, most, outputs := l.w, l.most, l.outputs
	l.mu.Unlock()
	n, err := w.Write(batch.next(most))
	if n == 0 && err == nil {
		err = io.ErrShortWrite
	}
	l.mu.Lock()
	if l.outputs != outputs { // w was closed: the rest goes to another one
		err = nil
	}
	began := err != nil && l.failed == nil
	l.size -= n
	l.pending -= batch.drop(n)
	if l.failed = err; err != nil {
		l.fails++
	}
	if l.moved != nil {
		close(l.moved)
		l.moved = nil
	}
	log := l.log
	l.mu.Unlock()
	if began {
		log.Error(l.name+" cannot be written: its lines wait, and are lost when there are too many", "error", err)
	}
	return err == nil
}

// A loss is a time in which records are lost. It is over when none was for a second.
type loss struct {
	lasts   bool
	records int
	last    time.Time
}

// lose counts one record, and reports whether it is the first one.
func (l *loss) lose() (first bool) {
	first = !l.lasts
	l.lasts, l.last = true, time.Now()
	l.records++
	return first
}

func (l *LogWriter) reportLoss() {
	l.mu.Lock()
	log := l.log
	l.mu.Unlock()
	log.Error(l.name + " is not written fast enough: lines are lost")
}

// reportEnd says how many records were lost, once none has been for a while.
func (l *LogWriter) reportEnd() {
	l.mu.Lock()
	over := l.loss.lasts && l.failed == nil && time.Since(l.loss.last) >= logRetry
	lost, log := l.loss.records, l.log
	if over {
		l.loss = loss{}
	}
	l.mu.Unlock()
	if over {
		log.Warn(l.name+" is written again", "lost", lost)
	}
}

// missing returns how many records are lost and not reported, or still wait, and the error of the last call.
func (l *LogWriter) missing() (records int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loss.records + l.pending, l.failed
}

func (l *LogWriter) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.hurry:
	}
}

// Flush waits until all that was written before is passed on. It returns false when that takes longer than limit,
// or fails.
func (l *LogWriter) Flush(limit time.Duration) bool {
	late := time.NewTimer(limit)
	defer late.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for target, fails := l.queued, l.fails; l.queued-int64(l.size) < target; {
		if l.fails != fails {
			return false
		}
		if l.moved == nil {
			l.moved = make(chan struct{})
		}
		moved := l.moved
		l.mu.Unlock()
		l.hasten()
		select {
		case <-moved:
			l.mu.Lock()
		case <-late.C:
			l.mu.Lock()
			return false
		}
	}
	return true
}

// records are whole records, one after the other.
type records struct {
	text  []byte
	ends  []int // where each ends in text
	at    int   // what is before it is written
	first int   // the first one that is not, in ends
}

func (r *records) add(record []byte) {
	r.text = append(r.text, record...)
	r.ends = append(r.ends, len(r.text))
}

// count is how many are not written as a whole.
func (r *records) count() int { return len(r.ends) - r.first }

// next returns as many records as fit into most bytes, but one at least, or the rest of one. Of one that is longer it is
// as many lines as fit; with most 0 a record is never taken apart.
func (r *records) next(most int) []byte {
	last := r.first
	for last+1 < len(r.ends) && r.ends[last+1]-r.at <= most {
		last++
	}
	next := r.text[r.at:r.ends[last]]
	if most > 0 && len(next) > most {
		if end := bytes.LastIndexByte(next[:most], '\n'); end >= 0 {
			next = next[:end+1]
		}
	}
	return next
}

// drop takes n bytes away and returns how many records have ended with them.
func (r *records) drop(n int) (ended int) {
	r.at += n
	for r.first < len(r.ends) && r.ends[r.first] <= r.at {
		r.first++
		ended++
	}
	return ended
}

// emptied returns records without any in r's memory.
func (r *records) emptied() records { return records{text: r.text[:0], ends: r.ends[:0]} }
