//go:build unix

package process_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/cmd/pyserve/internal/process"
)

func TestAPIDFileHoldsTheProcessUntilItIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, process.WritePID(path, 0))
	pid, err := process.ReadPID(path)
	require.NoError(t, err)
	assert.Equal(t, os.Getpid(), pid)
	require.NoError(t, process.WritePID(path, 0), "it is our own")
	process.RemovePID(path)
	assert.NoFileExists(t, path)
}

func TestAPIDFileOfALivingProcessIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	other := os.Getppid()
	require.NoError(t, os.WriteFile(path, []byte(strconv.Itoa(other)), 0o644))
	assert.ErrorContains(t, process.WritePID(path, 0), "is that of process "+strconv.Itoa(other)+", which is running")
	process.RemovePID(path)
	assert.FileExists(t, path)
	assert.NoError(t, process.WritePID(path, other), "unless we take its place")
}

func TestAPIDFileOfADeadProcessIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, os.WriteFile(path, []byte("4194300\n"), 0o644))
	assert.NoError(t, process.WritePID(path, 0))
}

func TestWhatIsNoPIDFileIsAnErrorThatSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	_, err := process.ReadPID(path)
	assert.ErrorContains(t, err, "there is no PID file")
	for _, text := range []string{"", "x", "1", "-5"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		_, err = process.ReadPID(path)
		assert.ErrorContains(t, err, "holds no process id", text)
	}
	assert.ErrorContains(t, process.WritePID(filepath.Join(path, "in a file"), 0), "cannot write the PID file")
}
