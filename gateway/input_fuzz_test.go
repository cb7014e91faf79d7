package gateway

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// FuzzInput does random operations on spooled content and compares with a bytes.Reader. Each operation is
// two bytes: which one, and its argument. spooled is false for content that comes byte by byte.
func FuzzInput(f *testing.F) {
	f.Fuzz(func(t *testing.T, content, program []byte, spooled bool) {
		model := bytes.NewReader(content)
		var body io.Reader = bytes.NewReader(content)
		if !spooled {
			body = iotest.OneByteReader(body)
		}
		in := newInput(body, int64(len(content)))
		for ; len(program) >= 2; program = program[2:] {
			n := int(program[1])
			switch program[0] % 4 {
			case 0:
				requireSame(t, readFull(model, n), inputRead(t, in, n))
			case 1:
				requireSame(t, modelLine(model, n), inputLine(t, in, n))
			case 2, 3:
				offset, whence := int64(int8(program[1])), int(program[0]>>2)%4
				seekBoth(t, in, model, offset, whence)
			}
			at, err := model.Seek(0, io.SeekCurrent)
			require.NoError(t, err)
			require.Equal(t, at, in.Tell())
			require.Equal(t, int64(model.Len()), in.Remaining())
		}
	})
}

func requireSame(t *testing.T, want, got []byte) {
	t.Helper()
	require.Equal(t, string(want), string(got))
}

func readFull(r io.Reader, n int) []byte {
	p := make([]byte, n)
	n, _ = io.ReadFull(r, p)
	return p[:n]
}

// modelLine reads up to n bytes, to a newline at most.
func modelLine(r *bytes.Reader, n int) (line []byte) {
	for len(line) < n {
		c, err := r.ReadByte()
		if err != nil {
			break
		}
		line = append(line, c)
		if c == '\n' {
			break
		}
	}
	return line
}

func inputRead(t *testing.T, in *Input, n int) []byte {
	p := make([]byte, n)
	got, err := in.Read(p)
	require.Equal(t, n > 0 && got == 0, err == io.EOF)
	return p[:got]
}

func inputLine(t *testing.T, in *Input, n int) []byte {
	p := make([]byte, n)
	got, done, err := in.ReadLine(p)
	if err != nil {
		require.Equal(t, io.EOF, err)
		require.Zero(t, got)
	}
	if got < n {
		require.True(t, done, "a line that did not fill its buffer is whole")
	}
	return p[:got]
}

func seekBoth(t *testing.T, in *Input, model *bytes.Reader, offset int64, whence int) {
	before := in.Tell()
	at, err := in.Seek(offset, whence)
	if !in.Seekable() {
		require.ErrorIs(t, err, ErrNotSeekable)
		return
	}
	want, modelErr := model.Seek(offset, whence)
	require.Equal(t, modelErr == nil, err == nil, "%v %v", modelErr, err)
	if err != nil {
		requireValueError(t, err)
		require.Equal(t, before, in.Tell())
		return
	}
	require.Equal(t, want, at)
}
