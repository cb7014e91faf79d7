//go:build unix

package httpserver

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestALogIsAppendedToAndMadeWithAModestMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for range 2 {
		f, err := OpenLog(path)
		require.NoError(t, err)
		_, err = io.WriteString(f, "x")
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "xx", string(text))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&^0o640)
}

func TestTheStandardStreamsAreNotOpenedAnew(t *testing.T) {
	for path := range standardStreams {
		f, err := OpenLog(path)
		require.NoError(t, err)
		assert.NoError(t, f.Close(), "which leaves the stream itself open")
	}
	_, err := os.Stdout.Stat()
	assert.NoError(t, err)
}
