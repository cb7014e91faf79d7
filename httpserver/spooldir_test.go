//go:build linux

package httpserver

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTemporaryFilesAreWhereTheUserSaysOrOnADisk(t *testing.T) {
	t.Run("TMPDIR comes first", func(t *testing.T) {
		t.Setenv("TMPDIR", "/somewhere")
		assert.Equal(t, "/somewhere", DefaultSpoolDir())
	})
	t.Run("without it a folder on a disk is better than memory", func(t *testing.T) {
		t.Setenv("TMPDIR", "")
		if f, err := os.CreateTemp("/var/tmp", "pyserve-test-"); err != nil || memoryBacked("/var/tmp") {
			assert.Equal(t, "/tmp", DefaultSpoolDir())
		} else {
			f.Close()
			os.Remove(f.Name())
			assert.Equal(t, "/var/tmp", DefaultSpoolDir())
		}
	})
}

func TestAFolderInMemoryIsKnown(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skip(err)
	}
	assert.True(t, memoryBacked("/dev/shm"))
	assert.False(t, memoryBacked("/proc/self"))
	assert.False(t, memoryBacked("/there is no such folder"))
}
