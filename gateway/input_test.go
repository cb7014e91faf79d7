package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

var errBroken = errors.New("connection reset by peer")

// newInput returns the Input of a request with this content, of which the client announced length bytes.
func newInput(content io.Reader, length int64) *Input {
	in := &Input{}
	in.reset(&httpserver.Request{Body: content, ContentLength: length})
	return in
}

// cuts are the ways in which the same bytes can come from the connection.
var cuts = []struct {
	name string
	make func(r io.Reader) io.Reader
}{
	{"all at once", func(r io.Reader) io.Reader { return struct{ io.Reader }{r} }},
	{"byte by byte", iotest.OneByteReader},
	{"by halves", iotest.HalfReader},
	{"with the end in the last read", iotest.DataErrReader},
	{"byte by byte with the end in the last read", func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) }},
}

// operations are all the ways to read everything, in steps of n bytes.
var operations = []struct {
	name string
	step func(in *Input, n int) ([]byte, error)
}{
	{"Read", func(in *Input, n int) ([]byte, error) {
		p := make([]byte, n)
		n, err := in.Read(p)
		return p[:n], err
	}},
	{"ReadLine", func(in *Input, n int) ([]byte, error) {
		p := make([]byte, n)
		n, _, err := in.ReadLine(p)
		return p[:n], err
	}},
}

const sample = "a\n\nbc\r\ndefghij\nk"

// everyStream calls f for each cut, each operation, each step, and both with and without a known length.
func everyStream(t *testing.T, f func(t *testing.T, cut func(io.Reader) io.Reader, step func(in *Input) ([]byte, error), known bool)) {
	for _, cut := range cuts {
		for _, operation := range operations {
			for _, n := range []int{1, 2, 3, 7, len(sample), len(sample) + 1, 10000} {
				for _, known := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s, %s of %d, length known: %v", cut.name, operation.name, n, known), func(t *testing.T) {
						f(t, cut.make, func(in *Input) ([]byte, error) { return operation.step(in, n) }, known)
					})
				}
			}
		}
	}
}

func lengthIf(known bool, n int) int64 {
	if known {
		return int64(n)
	}
	return -1
}

func TestContentIsReadWholeInEveryCut(t *testing.T) {
	everyStream(t, func(t *testing.T, cut func(io.Reader) io.Reader, step func(*Input) ([]byte, error), known bool) {
		in := newInput(cut(strings.NewReader(sample)), lengthIf(known, len(sample)))
		var all []byte
		for {
			assert.Equal(t, int64(len(all)), in.Tell())
			p, err := step(in)
			all = append(all, p...)
			if err != nil {
				require.Equal(t, io.EOF, err)
				require.Empty(t, p)
				break
			}
			require.NotEmpty(t, p)
		}
		assert.Equal(t, sample, string(all))
		assert.Zero(t, in.Remaining())
		_, err := step(in)
		assert.Equal(t, io.EOF, err, "for ever")
	})
}

func TestContentThatIsBrokenOffNeverEnds(t *testing.T) {
	everyStream(t, func(t *testing.T, cut func(io.Reader) io.Reader, step func(*Input) ([]byte, error), known bool) {
		for at := range len(sample) {
			broken := io.MultiReader(strings.NewReader(sample[:at]), iotest.ErrReader(errBroken))
			in := newInput(cut(broken), lengthIf(known, len(sample)))
			var all []byte
			p, err := step(in)
			for ; err == nil; p, err = step(in) {
				all = append(all, p...)
			}
			require.ErrorIs(t, err, errBroken)
			require.Empty(t, p)
			require.True(t, strings.HasPrefix(sample[:at], string(all)))
			_, err = step(in)
			require.ErrorIs(t, err, errBroken, "for ever")
			require.Zero(t, in.Remaining())
		}
	})
}

func TestAnEndBeforeTheAnnouncedLengthIsABreak(t *testing.T) {
	everyStream(t, func(t *testing.T, cut func(io.Reader) io.Reader, step func(*Input) ([]byte, error), _ bool) {
		in := newInput(cut(strings.NewReader(sample)), int64(len(sample))+1)
		_, err := step(in)
		for ; err == nil; _, err = step(in) {
		}
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
}

// counting fails the test when it is read once everything was handed out.
type counting struct {
	t *testing.T
	r *strings.Reader
}

func (c counting) Read(p []byte) (int, error) {
	require.NotZero(c.t, c.r.Len(), "the connection was read beyond the content")
	return c.r.Read(p)
}

func TestTheConnectionIsNotReadBeyondTheAnnouncedLength(t *testing.T) {
	everyStream(t, func(t *testing.T, cut func(io.Reader) io.Reader, step func(*Input) ([]byte, error), known bool) {
		if !known {
			t.Skip("only the end of a chunked body tells its length")
		}
		in := newInput(counting{t, strings.NewReader(sample)}, int64(len(sample)))
		_, err := step(in)
		for ; err == nil; _, err = step(in) {
		}
		assert.Equal(t, io.EOF, err)
	})
}

func TestContentBeyondTheAnnouncedLengthIsNotHandedOut(t *testing.T) {
	everyStream(t, func(t *testing.T, cut func(io.Reader) io.Reader, step func(*Input) ([]byte, error), _ bool) {
		in := newInput(cut(strings.NewReader(sample)), 5)
		var all []byte
		for p, err := step(in); err == nil; p, err = step(in) {
			all = append(all, p...)
		}
		assert.Equal(t, sample[:5], string(all))
	})
}

func TestReadLineSaysWhetherTheLineIsWhole(t *testing.T) {
	in := newInput(strings.NewReader("abc\nde\nf"), 8)
	for _, want := range []struct {
		room int
		line string
		done bool
	}{{2, "ab", false}, {2, "c\n", true}, {3, "de\n", true}, {0, "", false}, {1, "f", true}} {
		p := make([]byte, want.room)
		n, done, err := in.ReadLine(p)
		require.NoError(t, err)
		assert.Equal(t, want.line, string(p[:n]))
		assert.Equal(t, want.done, done, "%q", want.line)
	}
	n, done, err := in.ReadLine(make([]byte, 1))
	assert.Zero(t, n)
	assert.True(t, done)
	assert.Equal(t, io.EOF, err)
}

func TestALineMayBeLongerThanAnyBuffer(t *testing.T) {
	long := strings.Repeat("x", 100_000) + "\n"
	for _, cut := range cuts {
		in := newInput(cut.make(strings.NewReader(long+"y")), -1)
		p := make([]byte, len(long)+10)
		n, done, err := in.ReadLine(p)
		require.NoError(t, err)
		assert.True(t, done)
		assert.Equal(t, len(long), n, cut.name)
	}
}

func TestAReadOfNothingTellsOfNoEnd(t *testing.T) {
	in := newInput(strings.NewReader("a"), 1)
	for range 2 {
		n, err := in.Read(nil)
		assert.Zero(t, n)
		assert.NoError(t, err)
		_, err = io.ReadAll(in)
		require.NoError(t, err)
	}
}

func TestARequestWithoutContentIsAtItsEnd(t *testing.T) {
	in := newInput(nil, 0)
	assert.True(t, in.Seekable())
	at, err := in.Seek(7, io.SeekStart)
	assert.NoError(t, err)
	assert.EqualValues(t, 7, at)
	assert.EqualValues(t, 7, in.Tell())
	_, err = in.Read(make([]byte, 1))
	assert.Equal(t, io.EOF, err)
}

func TestStreamedContentCannotSeek(t *testing.T) {
	in := newInput(struct{ io.Reader }{strings.NewReader("abc")}, 3)
	assert.False(t, in.Seekable())
	_, err := in.Seek(0, io.SeekStart)
	assert.ErrorIs(t, err, ErrNotSeekable)
	all, err := io.ReadAll(in)
	assert.NoError(t, err)
	assert.Equal(t, "abc", string(all), "the refused Seek changed nothing")
}

func TestAnInputIsUsedAgain(t *testing.T) {
	in := newInput(io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(errBroken)), 5)
	_, err := io.ReadAll(in)
	require.ErrorIs(t, err, errBroken)
	in.release()
	_, err = in.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err, "between requests there is nothing to read")
	assert.False(t, in.Seekable())

	in.reset(&httpserver.Request{Body: bytes.NewReader([]byte("next")), ContentLength: 4})
	assert.Zero(t, in.Tell())
	assert.True(t, in.Seekable())
	all, err := io.ReadAll(in)
	assert.NoError(t, err)
	assert.Equal(t, "next", string(all))
	in.reset(&httpserver.Request{})
	_, err = in.Read(make([]byte, 1))
	assert.Equal(t, io.EOF, err)
}
