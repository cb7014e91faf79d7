package httpserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A slowReader is a writer whose calls wait until they are let go on, or fail.
type slowReader struct {
	mu      sync.Mutex
	text    bytes.Buffer
	calls   int
	err     error
	began   chan struct{} // gets a value when a call begins
	proceed chan struct{} // nil lets all go on
}

func (w *slowReader) Write(p []byte) (int, error) {
	if w.proceed != nil {
		w.began <- struct{}{}
		<-w.proceed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if w.err != nil {
		return 0, w.err
	}
	return w.text.Write(p)
}

func (w *slowReader) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

func (w *slowReader) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// newTestLogWriter also returns what is said about its losses.
func newTestLogWriter(w io.Writer) (*LogWriter, *syncBuffer) {
	said := &syncBuffer{}
	return NewLogWriter(w, "the log", 0, slog.New(slog.NewTextHandler(said, nil))), said
}

func writeLine(t *testing.T, l *LogWriter, line string) {
	t.Helper()
	_, err := l.Write([]byte(line + "\n"))
	require.NoError(t, err)
}

func TestALogWriterKeepsTheOrderAndWritesWithoutBeingAsked(t *testing.T) {
	out := &slowReader{}
	l, _ := newTestLogWriter(out)
	var want strings.Builder
	for i := range 1000 {
		writeLine(t, l, fmt.Sprint(i))
		fmt.Fprintln(&want, i)
	}
	require.Eventually(t, func() bool { return out.String() == want.String() }, patience, time.Millisecond)
}

func TestALogsReaderThatHangsHoldsNobodyUpAndLossesAreReportedOnceAndAtTheirEnd(t *testing.T) {
	out := &slowReader{began: make(chan struct{}, 1), proceed: make(chan struct{})}
	l, said := newTestLogWriter(out)
	line := strings.Repeat("x", 1023)
	writeLine(t, l, line)
	<-out.began
	for range logMemory/1024 - 1 {
		writeLine(t, l, line)
	}
	for range 10 {
		_, err := l.Write([]byte(line))
		require.ErrorIs(t, err, ErrLogFull)
	}
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "lines are lost") }, patience, time.Millisecond)
	assert.False(t, l.Flush(time.Millisecond), "nobody reads")
	lost, err := l.missing()
	assert.NoError(t, err)
	assert.Equal(t, logMemory/1024+10, lost)

	out.proceed <- struct{}{}
	go func() {
		for range out.began {
			out.proceed <- struct{}{}
		}
	}()
	require.True(t, l.Flush(patience))
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "lost=10") }, patience, time.Millisecond)
	assert.Equal(t, 1, strings.Count(said.String(), "not written fast enough"))
	assert.Equal(t, logMemory, len(out.String()))
	lost, err = l.missing()
	assert.NoError(t, err)
	assert.Zero(t, lost)
	writeLine(t, l, "after")
	require.True(t, l.Flush(patience))
	assert.True(t, strings.HasSuffix(out.String(), "after\n"))
}

func TestALogThatCannotBeWrittenIsReportedOnceAndWrittenWhenItCan(t *testing.T) {
	out := &slowReader{}
	out.fail(errors.New("disk full"))
	l, said := newTestLogWriter(out)
	for i := range 3 {
		writeLine(t, l, fmt.Sprint(i))
		assert.False(t, l.Flush(patience), "a failure ends the wait")
	}
	assert.Equal(t, 1, strings.Count(said.String(), "disk full"))
	out.fail(nil)
	require.Eventually(t, func() bool { return l.Flush(patience) }, patience, time.Millisecond)
	assert.Equal(t, "0\n1\n2\n", out.String(), "nothing is lost as long as there is room")
}

func TestWhatComesTogetherIsWrittenTogetherInWholeRecords(t *testing.T) {
	var r records
	for _, record := range []string{"aaaa\n", "bb\n", "cc\n", "a record that is longer than a call takes\n", "d\n"} {
		r.add([]byte(record))
	}
	var calls []string
	for r.count() > 0 {
		next := r.next(11)
		calls = append(calls, string(next))
		r.drop(len(next))
	}
	assert.Equal(t, []string{"aaaa\nbb\ncc\n", "a record that is longer than a call takes\n", "d\n"}, calls)
}

func TestARecordOfWhichAPartWasWrittenIsWrittenOn(t *testing.T) {
	var r records
	r.add([]byte("first\n"))
	r.add([]byte("second\n"))
	require.Equal(t, "first\nsecond\n", string(r.next(math.MaxInt)))
	assert.Equal(t, 1, r.drop(9))
	assert.Equal(t, "ond\n", string(r.next(math.MaxInt)))
	assert.Equal(t, 1, r.drop(4))
	assert.Zero(t, r.count())
}

func TestTheLinesOfSeveralProcessesDoNotMixInAPipe(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	writers := map[byte]*LogWriter{}
	for _, c := range "abc" {
		writers[byte(c)], _ = newTestLogWriter(write)
		writers[byte(c)].delay = time.Millisecond // so that lines are many when they are written
	}
	const lines = 500
	var all sync.WaitGroup
	for c, l := range writers {
		all.Go(func() {
			for range lines {
				_, err := l.Write(append(bytes.Repeat([]byte{c}, 99), '\n'))
				assert.NoError(t, err)
			}
			assert.True(t, l.Flush(patience))
		})
	}
	go func() { all.Wait(); write.Close() }()
	text, err := io.ReadAll(read)
	require.NoError(t, err)
	got := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	assert.Len(t, got, len(writers)*lines)
	for _, line := range got {
		require.Equal(t, string(bytes.Repeat(line[:1], 99)), string(line))
	}
}

func TestManyLinesAreFewCallsForAFile(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "log")
	require.NoError(t, err)
	defer f.Close()
	assert.Equal(t, math.MaxInt, togetherIn(f))
	assert.Zero(t, togetherIn(io.Discard), "another writer gets each record by itself")
}

func TestALongRecordGoesIntoAPipeLineByLine(t *testing.T) {
	r := records{}
	r.add([]byte(strings.Repeat("a", 3000) + "\n" + strings.Repeat("b", 3000) + "\n"))
	r.add([]byte("c\n"))
	assert.Len(t, r.next(pipeBuf), 3001)
	assert.Len(t, r.next(0), 6002, "other writers get records as they are")
	assert.Zero(t, r.drop(3001))
	assert.Len(t, r.next(pipeBuf), 3003)
	assert.Equal(t, 2, r.drop(3003))
}
