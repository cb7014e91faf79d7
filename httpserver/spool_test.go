package httpserver

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func content(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i % 251)
	}
	return p
}

func TestSpoolReturnsWhatWasWritten(t *testing.T) {
	for _, c := range []struct {
		name        string
		limit, size int
		inFile      bool
		announced   int64
	}{
		{name: "nothing", limit: 100},
		{name: "less than the limit", limit: 100, size: 50},
		{name: "exactly the limit", limit: 100, size: 100},
		{name: "one byte more", limit: 100, size: 101, inFile: true},
		{name: "no memory at all", limit: 0, size: 1, inFile: true},
		{name: "a negative limit", limit: -1, size: 1, inFile: true},
		{name: "many times the limit", limit: 10_000, size: 300_000, inFile: true},
		{name: "announced truly", limit: 10_000, size: 300, announced: 300},
		{name: "announced too small", limit: 10_000, size: 300, announced: 3},
		{name: "announced too large", limit: 10_000, size: 300, announced: 1 << 40},
	} {
		for how, fill := range map[string]func(s *Spool, p []byte) error{
			"by ReadFrom": func(s *Spool, p []byte) error {
				n, err := s.ReadFrom(bytes.NewReader(p))
				assert.EqualValues(t, len(p), n)
				return err
			},
			"by ReadFrom, byte by byte": func(s *Spool, p []byte) error {
				_, err := s.ReadFrom(iotest.DataErrReader(iotest.OneByteReader(bytes.NewReader(p))))
				return err
			},
			"by Write": func(s *Spool, p []byte) error {
				for chunk := range bytes.SplitAfterSeq(p, []byte{7}) {
					if _, err := s.Write(chunk); err != nil {
						return err
					}
				}
				return nil
			},
		} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				s := NewSpool(c.limit, t.TempDir(), nil)
				s.Expect(c.announced)
				want := content(c.size)
				require.NoError(t, fill(s, want))
				assert.EqualValues(t, c.size, s.Size())
				assert.Equal(t, c.inFile, s.file != nil, "in a file")
				require.NoError(t, iotest.TestReader(s, want))
				require.NoError(t, s.Close())
			})
		}
	}
}

func TestSpoolLeavesNoNameInTheFolder(t *testing.T) {
	dir := t.TempDir()
	s := NewSpool(0, dir, nil)
	_, err := s.Write([]byte("x"))
	require.NoError(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
	require.NoError(t, s.Close())
}

func TestSpoolSaysThatTheDiskFailed(t *testing.T) {
	t.Run("no folder", func(t *testing.T) {
		s := NewSpool(1, t.TempDir()+"/missing", nil)
		_, err := s.ReadFrom(strings.NewReader("content"))
		assert.ErrorIs(t, err, ErrSpool)
		assert.ErrorIs(t, err, os.ErrNotExist)
	})
	full := func(string) (*os.File, error) { return os.OpenFile("/dev/full", os.O_RDWR, 0) }
	if f, err := full(""); err != nil {
		t.Skip("no /dev/full here")
	} else {
		f.Close()
	}
	t.Run("full when memory is moved", func(t *testing.T) {
		s := NewSpool(1, "", nil)
		s.create = full
		_, err := s.ReadFrom(strings.NewReader("content"))
		assert.ErrorIs(t, err, ErrSpool)
	})
	t.Run("full later", func(t *testing.T) {
		s := NewSpool(0, "", nil)
		s.create = full
		s.file, _ = full("")
		_, err := s.ReadFrom(strings.NewReader("content"))
		assert.ErrorIs(t, err, ErrSpool)
		require.NoError(t, s.Close())
	})
}

func TestSpoolPassesOnTheErrorOfItsSource(t *testing.T) {
	broken := errors.New("broken")
	for _, limit := range []int{0, 2, 100} {
		s := NewSpool(limit, t.TempDir(), nil)
		_, err := s.ReadFrom(io.MultiReader(strings.NewReader("content"), iotest.ErrReader(broken)))
		assert.ErrorIs(t, err, broken)
		assert.NotErrorIs(t, err, ErrSpool)
		require.NoError(t, s.Close())
	}
}

func TestSpoolSeeksAndRefusesNonsense(t *testing.T) {
	s := NewSpool(100, "", nil)
	_, _ = s.Write([]byte("content"))
	pos, err := s.Seek(100, io.SeekStart)
	require.NoError(t, err)
	assert.EqualValues(t, 100, pos)
	_, err = s.Read(make([]byte, 1))
	assert.Equal(t, io.EOF, err)
	_, err = s.Seek(-1, io.SeekStart)
	assert.Error(t, err)
	_, err = s.Seek(0, 9)
	assert.Error(t, err)
}

func TestSpoolIsOfNoUseAfterClose(t *testing.T) {
	s := NewSpool(100, "", nil)
	_, _ = s.Write([]byte("content"))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err := s.Read(make([]byte, 1))
	assert.ErrorIs(t, err, os.ErrClosed)
	_, err = s.Write([]byte("x"))
	assert.ErrorIs(t, err, os.ErrClosed)
	_, err = s.ReadFrom(strings.NewReader("x"))
	assert.ErrorIs(t, err, os.ErrClosed)
}
