package e2e_test

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	return path
}

// manyLines makes requests whose lines of the access log are more than a pipe and a buffer hold.
func (c *client) manyLines(t *testing.T) {
	t.Helper()
	target := "/hello?" + strings.Repeat("x", 3500)
	for range 400 {
		require.Equal(t, 200, c.get(t, target).Status)
	}
}

func TestAnAccessLogThatNobodyReadsHoldsUpNeitherStartNorRequestsNorTheEnd(t *testing.T) {
	t.Parallel()
	s := start(t, "flaskapp:app", "--access-log", fifo(t))
	c := s.client(t)
	c.get(t, "/hello")
	s.stderr.waitForText(t, "the access log cannot be written")
	c.manyLines(t)
	s.stderr.waitForText(t, "lines are lost")
	s.stop(t)
	assert.Regexp(t, `lines of the access log are lost lost=\d\d`, s.stderr.String())
	assert.Equal(t, 1, strings.Count(s.stderr.String(), "the access log cannot be written"))
}

func TestAnAccessLogWhoseReaderStandsStillHoldsUpNothing(t *testing.T) {
	t.Parallel()
	path := fifo(t)
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer reader.Close()
	s := start(t, "apps.stuck:app", "--access-log", path, "--timeout", "2", "--threads", "2")
	c := s.client(t)
	c.manyLines(t)
	s.stderr.waitForText(t, "the access log is not written fast enough")
	assert.Equal(t, 504, c.get(t, "/loop").Status, "--timeout is looked after")
	assert.Equal(t, 200, c.get(t, "/hello").Status)
	s.stop(t)
}

func TestServiceGoesOnWhenTheReaderOfTheAccessLogHasGone(t *testing.T) {
	t.Parallel()
	cmd := command(t, need(t, "PYSERVE_BIN"), nil, "flaskapp:app", "--access-log", "-")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdout = write
	s := runServer(t, cmd)
	s.waitUntilReady(t)
	c := s.client(t)
	c.get(t, "/hello?first")
	line, err := bufio.NewReader(read).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "/hello?first")
	read.Close()
	for range 5 {
		assert.Equal(t, 200, c.get(t, "/hello").Status)
	}
	s.stderr.waitForText(t, "broken pipe")
	s.stop(t)
	assert.NotContains(t, s.stderr.String(), "worker died")
}

func TestMessagesThatNobodyReadsHoldUpNothing(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]bool{"the reader stands still": false, "the reader has gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, need(t, "PYSERVE_BIN"), nil, "flaskapp:app")
			read, write, err := os.Pipe()
			require.NoError(t, err)
			defer read.Close()
			cmd.Stderr = write
			s := runServer(t, cmd)
			s.waitUntilReadyOn(t, read)
			if gone {
				read.Close()
			}
			c := s.client(t)
			for range 100 { // a traceback each
				require.Equal(t, 500, c.get(t, "/raise").Status)
			}
			assert.Equal(t, 200, c.get(t, "/hello").Status)
			s.stop(t)
		})
	}
}

// waitUntilReadyOn reads the messages of a server up to the one that it is ready, and no further.
func (s *server) waitUntilReadyOn(t *testing.T, messages *os.File) {
	t.Helper()
	lines := bufio.NewScanner(messages)
	for lines.Scan() {
		if found := readyLine.FindStringSubmatch(lines.Text()); found != nil {
			s.network, s.addr, s.URL = "tcp", strings.TrimPrefix(found[1], "http://"), found[1]
			return
		}
	}
	require.FailNow(t, "there is no line that it is ready", lines.Err())
}

func TestTheLinesOfARotatedAccessLogAreAllThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	s := start(t, "flaskapp:app", "--access-log", path)
	c := s.client(t)
	const rounds = 5
	for i := range rounds {
		for range 20 {
			c.get(t, "/hello")
		}
		require.NoError(t, os.Rename(path, path+"."+string(rune('0'+i))))
		s.signal(t, syscall.SIGUSR1)
		require.Eventually(t, func() bool { _, err := os.Stat(path); return err == nil }, patience, 5*time.Millisecond)
	}
	s.stop(t)
	lines := 0
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		lines += len(regexp.MustCompile(`(?m)^.*"GET /hello HTTP/1\.1" 200 .*us\n`).FindAll(text, -1))
	}
	assert.Equal(t, rounds*20, lines)
}
