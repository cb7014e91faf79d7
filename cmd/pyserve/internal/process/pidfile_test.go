//go:build unix

package process_test

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/process"
)

func TestAPIDFileHoldsTheProcessUntilItIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	f, err := process.WritePID(path, 0)
	require.NoError(t, err)
	pid, err := process.ReadPID(path)
	require.NoError(t, err)
	assert.Equal(t, os.Getpid(), pid)
	f.Remove()
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestAPIDFileThatAnotherHasPutThereIsNotRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	f, err := process.WritePID(path, 0)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o644))
	f.Remove()
	assert.FileExists(t, path)
}

// The lock is what counts, and not that there is a process with the number.
func TestAPIDFileOfAProcessThatHoldsItIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	f, err := process.WritePID(path, 0)
	require.NoError(t, err)
	defer f.Remove()
	_, err = process.WritePID(path, 0)
	assert.ErrorContains(t, err, "is that of process "+strconv.Itoa(os.Getpid())+", which is running")
	successor, err := process.WritePID(path, os.Getpid())
	require.NoError(t, err, "unless we take its place")
	f.Remove()
	assert.FileExists(t, path, "which is the successor's")
	successor.Remove()
	assert.NoFileExists(t, path)
}

func TestAPIDFileWhoseNumberIsAnothersByNowIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, os.WriteFile(path, []byte(strconv.Itoa(os.Getppid())), 0o644))
	f, err := process.WritePID(path, 0)
	require.NoError(t, err)
	f.Remove()
}

func TestOfManyThatStartTogetherOneGetsThePIDFile(t *testing.T) {
	for _, left := range []string{"", "4194300\n"} {
		path := filepath.Join(t.TempDir(), "pid")
		if left != "" {
			require.NoError(t, os.WriteFile(path, []byte(left), 0o644))
		}
		results := make(chan *process.PIDFile)
		for range 20 {
			go func() {
				f, _ := process.WritePID(path, 0)
				results <- f
			}()
		}
		var got []*process.PIDFile
		for range 20 {
			if f := <-results; f != nil {
				got = append(got, f)
			}
		}
		require.Len(t, got, 1)
		pid, err := process.ReadPID(path)
		assert.NoError(t, err)
		assert.Equal(t, os.Getpid(), pid)
		got[0].Remove()
	}
}

func TestNoOtherFileIsTakenForAPIDFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o644))
	_, err := process.WritePID(path, 0)
	assert.ErrorContains(t, err, "holds no process id: remove the file, or choose another one")
	require.NoError(t, os.Symlink(path, path+".link"))
	_, err = process.WritePID(path+".link", 0)
	assert.Error(t, err)
	require.NoError(t, syscall.Mkfifo(path+".fifo", 0o600))
	_, err = process.WritePID(path+".fifo", 0)
	assert.ErrorContains(t, err, "it is not a regular file")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(text))
}

func TestAPIDFileOfADeadProcessIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, os.WriteFile(path, []byte("4194300\n"), 0o644))
	f, err := process.WritePID(path, 0)
	require.NoError(t, err)
	f.Remove()
}

func TestWhatIsNoPIDFileIsAnErrorThatSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	_, err := process.ReadPID(path)
	assert.ErrorContains(t, err, "there is no PID file")
	for _, text := range []string{"", "x", "0", "-5"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		_, err = process.ReadPID(path)
		assert.ErrorContains(t, err, "holds no process id", text)
	}
	_, err = process.WritePID(filepath.Join(path, "in a file"), 0)
	assert.ErrorContains(t, err, "cannot write the PID file")
}
