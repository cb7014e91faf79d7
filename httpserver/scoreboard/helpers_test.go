package scoreboard

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// privateBoard lies in ordinary memory, which the race detector watches; it does not look at mapped memory.
func privateBoard(tb testing.TB, workers, threads int) *Board {
	size, err := boardSize(workers, threads)
	require.NoError(tb, err)
	return format(memory{bytes: privateBytes(size), fd: -1}, workers, threads)
}

func newBoardFor(tb testing.TB, workers, threads int) *Board {
	b, err := New(workers, threads)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, b.Close()) })
	return b
}

// Requests told apart by one letter and one length each, so that a mixture of two shows.

const patternLetters = 26

func patternMethod(number uint64) []byte {
	return bytes.Repeat([]byte{'A' + byte(number%patternLetters)}, int(number%methodRoom)+1)
}

func patternTarget(number uint64) []byte {
	return bytes.Repeat([]byte{'a' + byte(number%patternLetters)}, int(number*7%targetRoom)+1)
}

// patterns are made before the writers run: they are to do nothing else.
func patterns() (methods, targets [][]byte) {
	for number := range uint64(patternLetters * methodRoom * targetRoom / 16) {
		methods = append(methods, patternMethod(number))
		targets = append(targets, patternTarget(number))
	}
	return methods, targets
}

// writePatterns begins and ends requests until more says no, or for ever.
func writePatterns(t *Thread, more func(number uint64) bool) {
	methods, targets := patterns()
	for number := uint64(1); more == nil || more(number); number++ {
		i := number % uint64(len(methods))
		// The pattern's index is all the times, so that a reader needs no more than the record.
		t.Begin(int64(i), methods[i], targets[i])
		t.Moved(int64(i))
		t.End()
	}
}

// patternFault says how r is a mixture of two of writePatterns' requests; "" when it is one.
func patternFault(r Request) string {
	i := uint64(r.Entered)
	switch {
	case r.Moved != r.Entered:
		return fmt.Sprintf("entered %d, moved %d", r.Entered, r.Moved)
	case r.Method != string(patternMethod(i)):
		return fmt.Sprintf("the method of request %d is %q", i, r.Method)
	case r.Target != string(patternTarget(i)):
		return fmt.Sprintf("the target of request %d is %q", i, r.Target)
	}
	return ""
}

// beginHalf does what Begin does, up to the middle of the target.
func beginHalf(t *Thread, method, target string) {
	r := t.record
	number := r.sequence.Load()/phases + 1
	r.sequence.Store(number*phases + writing)
	setWord(&r.lengths, packLengths(len(method), len(target)))
	setText(r.method[:], []byte(method))
	setText(r.target[:], []byte(target)[:len(target)/2])
}

func begin(t *Thread, now int64, method, target string) uint64 {
	return t.Begin(now, []byte(method), []byte(target))
}

func long(text string, n int) string { return strings.Repeat(text, n/len(text)+1)[:n] }
