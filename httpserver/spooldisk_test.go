package httpserver

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheFilesOfAllSpoolsTogetherAreBounded(t *testing.T) {
	disk := NewBudget(100)
	first, second := NewSpool(10, t.TempDir(), disk), NewSpool(10, t.TempDir(), disk)
	_, err := first.Write(content(10))
	require.NoError(t, err)
	assert.Zero(t, disk.Used(), "memory does not count")
	_, err = first.Write(content(50))
	require.NoError(t, err)
	assert.Equal(t, int64(60), disk.Used())

	n, err := second.Write(content(41))
	assert.Zero(t, n)
	assert.ErrorIs(t, err, ErrSpoolDisk)
	assert.ErrorIs(t, err, ErrSpool)
	assert.Equal(t, int64(60), disk.Used())
	_, err = second.Write(content(40))
	require.NoError(t, err, "it is usable after a refusal")
	_, err = second.ReadFrom(strings.NewReader("x"))
	assert.ErrorIs(t, err, ErrSpoolDisk)
	assert.Equal(t, int64(100), disk.Used())

	require.NoError(t, first.Close())
	require.NoError(t, first.Close())
	assert.Equal(t, int64(40), disk.Used())
	_, err = second.Write(content(60))
	require.NoError(t, err)
	require.NoError(t, second.Close())
	assert.Zero(t, disk.Used())
}

func TestAReadFromTooMuchForTheDiskFails(t *testing.T) {
	disk := NewBudget(50)
	s := NewSpool(10, t.TempDir(), disk)
	_, err := s.ReadFrom(strings.NewReader(strings.Repeat("x", 1000)))
	assert.ErrorIs(t, err, ErrSpoolDisk)
	require.NoError(t, s.Close())
	assert.Zero(t, disk.Used())
}

func TestADiskWithoutBoundOnlyCounts(t *testing.T) {
	for name, disk := range map[string]*Budget{"off": NewBudget(-1), "none": nil} {
		t.Run(name, func(t *testing.T) {
			s := NewSpool(0, t.TempDir(), disk)
			_, err := s.Write(content(100_000))
			require.NoError(t, err)
			if disk != nil {
				assert.Equal(t, int64(100_000), disk.Used())
			}
			require.NoError(t, s.Close())
			assert.Zero(t, disk.Used())
		})
	}
}

func TestWhatAFullDiskDidNotTakeIsNotCounted(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	disk := NewBudget(1000)
	s := NewSpool(10, "", disk)
	s.create = func(string) (*os.File, error) { return full, nil }
	_, err = s.Write(content(10))
	require.NoError(t, err)
	n, err := s.Write(content(100))
	assert.Zero(t, n)
	assert.ErrorIs(t, err, ErrSpool)
	assert.ErrorIs(t, err, syscall.ENOSPC)
	assert.NotErrorIs(t, err, ErrSpoolDisk)
	assert.Zero(t, disk.Used())
	got := make([]byte, 20)
	n, err = s.Read(got)
	require.NoError(t, err)
	assert.Equal(t, content(10), got[:n], "what was there before is lost")
	require.NoError(t, s.Close())
}
