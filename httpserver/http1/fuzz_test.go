package http1_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver/http1"
)

// seedCorpus gives the fuzzer every file of the corpus that is not there for its size.
func seedCorpus(f *testing.F, add func(stream []byte)) {
	for _, c := range loadCorpus(f) {
		if len(c.Raw) < smallStream {
			add(c.Raw)
		}
	}
}

// FuzzParse holds that cuts make no difference, that what was accepted has the form it should have, and
// that a head is complete with its last byte and not before.
func FuzzParse(f *testing.F) {
	seedCorpus(f, func(stream []byte) { f.Add(stream, uint64(len(stream))) })
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		whole := read(stream, nil, 0)
		pieces := read(stream, randomCuts(rand.New(rand.NewPCG(seed, 2)), len(stream)), 0)
		pieces.unread = whole.unread
		require.Equal(t, whole, pieces)

		var parser http1.Parser
		var head http1.Head
		n, err := parser.Parse(stream, nil, &head)
		if err != nil || n == 0 {
			return
		}
		checkHead(t, stream[:n], &head)
		short, err := parser.Parse(stream[:n-1], nil, &head)
		require.NoError(t, err)
		require.Zero(t, short)
	})
}

// checkHead holds an accepted head against rules that need no parser.
func checkHead(t *testing.T, raw []byte, head *http1.Head) {
	lines := bytes.Split(bytes.TrimPrefix(raw, []byte("\r\n")), []byte("\r\n"))
	require.Empty(t, lines[len(lines)-1])
	require.Empty(t, lines[len(lines)-2], "the head ends with an empty line")
	lines = lines[:len(lines)-2]
	assert.Equal(t, 2, bytes.Count(lines[0], []byte(" ")))
	fields := len(lines) - 1
	if head.Chunked {
		fields--
		assert.Equal(t, int64(-1), head.ContentLength)
	}
	assert.Len(t, head.Fields, fields)
	for i, line := range lines {
		assert.False(t, bytes.ContainsAny(line, "\r\n\x00\x7f"), "line %d", i)
		if i > 0 {
			name, value, colon := bytes.Cut(line, []byte(":"))
			assert.True(t, colon)
			assert.NotEmpty(t, name)
			assert.False(t, bytes.ContainsAny(name, " \t\"(),/:;<=>?@[\\]{}"), "name %q", name)
			assert.NotContains(t, string(bytes.Trim(value, " \t")), "\n")
		}
	}
}

// FuzzChunked holds the decoder against a model that sees everything at once, whatever the cuts and the room.
func FuzzChunked(f *testing.F) {
	seedCorpus(f, func(stream []byte) {
		if _, coded, ok := bytes.Cut(stream, []byte("chunked\r\n\r\n")); ok {
			f.Add(coded, uint64(len(coded)), uint8(3))
		}
	})
	f.Fuzz(func(t *testing.T, coded []byte, seed uint64, room uint8) {
		content, rest, complete := modelChunked(coded)
		whole := decode(coded, nil, len(coded)+1)
		pieces := decode(coded, randomCuts(rand.New(rand.NewPCG(seed, 3)), len(coded)), int(room)+1)
		require.Equal(t, whole.content, pieces.content)
		require.Equal(t, whole.err, pieces.err)
		require.Equal(t, whole.taken, pieces.taken)
		require.Equal(t, complete, whole.done, "done")
		if complete {
			require.Equal(t, string(content), whole.content)
			require.Equal(t, len(coded)-len(rest), whole.taken)
		}
	})
}

// A decoding is what a decoder made of coded content.
type decoding struct {
	content string
	taken   int
	done    bool
	err     error
}

// decode feeds coded in the pieces that end at the cuts, with so much room for content at each call.
func decode(coded []byte, cuts []int, room int) (d decoding) {
	var decoder http1.ChunkedDecoder
	dst := make([]byte, room)
	for _, end := range append(cuts, len(coded)) {
		for d.taken < end && !d.done && d.err == nil {
			var content, taken int
			content, taken, d.done, d.err = decoder.Decode(dst, coded[d.taken:end])
			d.content += string(dst[:content])
			d.taken += taken
		}
	}
	return d
}
