package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIdleEventStreamsCostNextToNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("CPU time is read from /proc")
	}
	for name, threads := range map[string]int{"threads are left": 16, "all threads are taken": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "apps.stuck:app", "--threads", strconv.Itoa(threads), "--graceful-timeout", "1s")
			pid := s.client(t).get(t, "/pid").Body
			for range 10 {
				conn := s.dial(t)
				_, err := fmt.Fprint(conn, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
				require.NoError(t, err)
				line, err := bufio.NewReader(conn).ReadString('\n')
				require.NoError(t, err, line)
			}
			// The time is the processes' own, so that others do not count; the start, when everything is looked at, may still
			// be going on.
			require.Eventually(t, func() bool {
				before, began := cpuTime(t, pid), time.Now()
				time.Sleep(time.Second)
				return cpuTime(t, pid)-before < time.Since(began)/100
			}, patience, time.Millisecond, "it costs 1 % of a core and more")
			assert.True(t, s.running())
		})
	}
}

// cpuTime is what all threads of a process have used.
func cpuTime(t *testing.T, pid string) (total time.Duration) {
	t.Helper()
	files, err := filepath.Glob("/proc/" + pid + "/task/*/schedstat")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		used, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		require.NoError(t, err)
		total += time.Duration(used)
	}
	return total
}

func TestNewConnectionsDoNotWakeTheMaster(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("switches are read from /proc")
	}
	const connections = 300
	s := startService(t, "apps.stuck:app", "--workers", "1")
	before := switches(t, s.cmd.Process.Pid)
	for range connections {
		conn := s.dial(t)
		_, err := fmt.Fprint(conn, "GET /pid HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		require.NoError(t, err)
		_, err = io.ReadAll(conn)
		require.NoError(t, err)
		conn.Close()
	}
	assert.Less(t, switches(t, s.cmd.Process.Pid)-before, connections/2)
}

// switches is how often the threads of a process have waited for something.
func switches(t *testing.T, pid int) (total int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for line := range strings.Lines(string(text)) {
			if count, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
				n, err := strconv.Atoi(strings.TrimSpace(count))
				require.NoError(t, err)
				total += n
			}
		}
	}
	return total
}
