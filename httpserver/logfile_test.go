//go:build unix

package httpserver

import (
	"bufio"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func makeFIFO(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	return path
}

func TestAnAccessLogDoesNotWaitForTheReaderOfItsFIFO(t *testing.T) {
	path := makeFIFO(t)
	said := &syncBuffer{}
	l, err := OpenAccessLog(path, "combined", slog.New(slog.NewTextHandler(said, nil)))
	require.NoError(t, err)
	require.NoError(t, l.Log(&AccessEntry{RequestID: "early"}))
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "the access log cannot be written") }, patience, time.Millisecond)
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return l.lines.Flush(patience) }, patience, time.Millisecond, "what waited is written when there is a reader")
	line, err := bufio.NewReader(reader).ReadString('\n')
	require.NoError(t, err)
	assert.Contains(t, line, "id=early")

	reader.Close()
	require.NoError(t, l.Log(&AccessEntry{RequestID: "late"}))
	assert.False(t, l.lines.Flush(patience), "the reader has gone")
	require.NoError(t, l.Close())
	assert.Contains(t, said.String(), "lost=1", "what nobody could read is said at the end")
}

func TestAnAccessLogWhoseFIFOIsFullCanBeReopenedElsewhere(t *testing.T) {
	path := makeFIFO(t)
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer reader.Close()
	l, err := OpenAccessLog(path, "combined", nil)
	require.NoError(t, err)
	entry := &AccessEntry{Target: []byte(strings.Repeat("x", 1000))}
	for range 200 { // 64 KiB are a full pipe
		require.NoError(t, l.Log(entry))
	}
	require.False(t, l.lines.Flush(10*time.Millisecond))
	require.NoError(t, os.Remove(path))
	require.NoError(t, l.Log(&AccessEntry{RequestID: "last"}))
	require.NoError(t, l.Reopen())
	require.True(t, l.lines.Flush(patience))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(text), "id=last")
	require.NoError(t, l.Close())
}

func TestAFullDeviceLosesLinesAndNothingElse(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	said := &syncBuffer{}
	l, err := OpenAccessLog("/dev/full", "json", slog.New(slog.NewTextHandler(said, nil)))
	require.NoError(t, err)
	require.NoError(t, l.Log(exampleEntry()))
	require.NoError(t, l.Close())
	assert.Regexp(t, `lost=1 error=.*no space left on device`, said.String())
}
