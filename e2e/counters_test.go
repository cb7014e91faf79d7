package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counterScenarios make every counter move, each with flags of its own.
var counterScenarios = []struct {
	name     string
	flags    []string
	play     func(t *testing.T, s *service)
	counters string // that move
}{
	{"requests and responses", nil, countResponses,
		"accepted requests responses_2xx responses_3xx responses_4xx responses_5xx responses_aborted failed bytes_received bytes_sent " +
			"methods_GET methods_HEAD methods_POST methods_PUT methods_PATCH methods_DELETE methods_OPTIONS methods_other"},
	{"requests that are refused", []string{"--max-body", "10", "--keepalive-requests", "2"}, func(t *testing.T, s *service) {
		assert.Contains(t, s.raw(t, head("POST", "/echo", "Content-Length: 11")), " 413 ")
		assert.Contains(t, s.raw(t, "no HTTP\r\n\r\n"), " 400 ")
		s.raw(t, head("GET", "/echo")+head("GET", "/echo"))
	}, "own_4xx too_large malformed keepalive_ends"},
	{"requests that the server answers itself", []string{"--health-path", "/healthz"}, func(t *testing.T, s *service) {
		assert.Equal(t, "ok\n", s.client(t).get(t, "/healthz").Body)
	}, "early"},
	{"time-outs of requests", []string{"--timeout", "1"}, func(t *testing.T, s *service) {
		assert.Equal(t, 504, s.client(t).get(t, "/sleeps").Status)
		assert.Equal(t, 200, s.client(t).get(t, "/computes?seconds=0.7").Status)
	}, "timed_out gil_samples gil_held"},
	{"time-outs of clients", []string{"--header-timeout", "1", "--keep-alive", "1"}, func(t *testing.T, s *service) {
		assert.Contains(t, s.raw(t, "GET /"), " 408 ")
		c := s.keep(t)
		c.get(t, "/echo")
		readToEnd(t, c.Conn)
	}, "header_timeouts idle_timeouts"},
	{"a client that does not read", []string{"--write-timeout", "1"}, func(t *testing.T, s *service) {
		holdLarge(t, s)
		s.waitForCounter(t, "connections_writing")
	}, "write_timeouts connections connections_writing"},
	{"a queue that is full", []string{"--threads", "1", "--queue", "1", "--queue-age", "1"}, func(t *testing.T, s *service) {
		begin(t, s, head("GET", "/computes?seconds=3"))
		s.waitForCounter(t, "threads_busy")
		waiting := begin(t, s, head("GET", "/echo", "Connection: close"))
		for !strings.Contains(s.raw(t, head("GET", "/echo", "Connection: close")), " 503 ") {
			continue // the other one was not in the queue yet
		}
		assert.Contains(t, readToEnd(t, waiting), " 503 ")
	}, "own_5xx refused queue_full queue_aged threads_busy"},
	{"too many connections", []string{"--max-connections", "2"}, func(t *testing.T, s *service) {
		idle := s.keep(t)
		idle.get(t, "/echo")
		s.waitForCounter(t, "connections_idle")
		for range 2 { // the first one has the place of the idle one
			begin(t, s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1")
		}
		readToEnd(t, idle.Conn)
		s.waitForCounter(t, "connections_reading")
		readToEnd(t, s.dial(t))
	}, "idle_closed too_many_connections connections_idle connections_reading"},
	{"too many connections of one address", []string{"--max-connections-per-address", "1"}, func(t *testing.T, s *service) {
		first := s.keep(t)
		first.get(t, "/echo")
		readToEnd(t, s.dial(t))
	}, "too_many_of_address"},
	{"no room on the disk", []string{"--body-buffer", "1000", "--spool-disk", "1000"}, func(t *testing.T, s *service) {
		assert.Contains(t, s.raw(t, head("POST", "/echo", "Content-Length: 200000")+strings.Repeat("x", 200000)), " 503 ")
		holdLarge(t, s)
	}, "spool_disk_refusals spool_disk_waits"},
	{"no temporary file", []string{"--body-buffer", "1000", "--spool-dir", "SPOOL"}, func(t *testing.T, s *service) {
		args := s.cmd.Args
		require.NoError(t, os.Remove(args[slices.Index(args, "--spool-dir")+1]))
		assert.Contains(t, s.raw(t, head("POST", "/echo", "Content-Length: 200000")+strings.Repeat("x", 200000)), " 503 ")
	}, "spool_failures"},
	{"no memory", []string{"--spool-memory", "1000"}, func(t *testing.T, s *service) {
		conn := begin(t, s, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 5000))
		assert.Contains(t, readToEnd(t, conn), " 503 ")
	}, "spool_memory_refusals"},
	{"an access log that nobody reads", []string{"--access-log", "FIFO"}, func(t *testing.T, s *service) {
		c := s.keep(t)
		for range 2000 {
			c.get(t, "/echo?"+strings.Repeat("x", 7000))
		}
	}, "access_log_lost"},
}

// unplayed are the counters that no scenario moves, and why.
var unplayed = map[string]string{
	"body_timeouts":   "a client has half a minute; the engines' own tests shorten it",
	"accept_failures": "it takes all descriptors; the engines' own tests do that",
	"disk_waiting":    "it takes a disk that hangs; the reactor's own tests have one",
	"disk_timeouts":   "it takes a disk that hangs; the reactor's own tests have one",
}

// uncountedByNetHTTP are those that net/http's engine does not keep.
var uncountedByNetHTTP = map[string]bool{
	"header_timeouts": true, "idle_timeouts": true, "malformed": true, "idle_closed": true, "spool_memory_refusals": true,
}

func uncounted(name string) bool {
	return os.Getenv("PYSERVE_ENGINE") == "nethttp" && uncountedByNetHTTP[name]
}

func TestEveryCounterMoves(t *testing.T) {
	t.Parallel()
	var moved strings.Builder
	for _, scenario := range counterScenarios {
		fmt.Fprintf(&moved, " %s ", scenario.counters)
		t.Run(scenario.name, func(t *testing.T) {
			t.Parallel()
			names := slices.DeleteFunc(strings.Fields(scenario.counters), uncounted)
			if uncounted(strings.Fields(scenario.counters)[0]) {
				t.Skip("net/http does not count this")
			}
			s := startService(t, "apps.counted:app", placed(t, scenario.flags)...)
			scenario.play(t, s)
			for _, name := range names {
				if !strings.HasPrefix(name, "connections") && name != "threads_busy" { // these have been waited for
					s.waitForCounter(t, name)
				}
			}
		})
	}
	s := startService(t, "apps.counted:app")
	for name := range s.status(t).Total.Counters {
		if !strings.Contains(moved.String(), " "+name+" ") {
			assert.Contains(t, unplayed, name, "no scenario moves it")
		}
	}
}

// placed returns flags with folders and files of the test's own.
func placed(t *testing.T, flags []string) (placed []string) {
	folder := t.TempDir()
	for _, flag := range flags {
		switch flag {
		case "FIFO":
			flag = filepath.Join(folder, "fifo")
			require.NoError(t, syscall.Mkfifo(flag, 0o600))
		case "SPOOL":
			flag = filepath.Join(folder, "spool")
			require.NoError(t, os.Mkdir(flag, 0o700))
		}
		placed = append(placed, flag)
	}
	return placed
}

// waitForCounter waits until a counter of all workers is above 0.
func (s *service) waitForCounter(t *testing.T, name string) {
	t.Helper()
	s.waitForStatus(t, name+" moves", func(now status) bool { return now.Total.Counters[name] > 0 })
}

// begin sends a request, or a part of one, on a connection of its own.
func begin(t *testing.T, s *service, request string) net.Conn {
	t.Helper()
	conn := s.dial(t)
	_, err := io.WriteString(conn, request)
	require.NoError(t, err)
	return conn
}

// holdLarge begins to take an answer that is larger than the kernel's buffers.
func holdLarge(t *testing.T, s *service) {
	conn := begin(t, s, head("GET", "/large"))
	_, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
}

func countResponses(t *testing.T, s *service) {
	c := s.client(t)
	for _, status := range []int{200, 302, 404, 501} {
		assert.Equal(t, status, c.get(t, "/status?is="+itoa(status)).Status)
	}
	for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "BREW"} {
		assert.Equal(t, 200, c.send(t, method, "/echo", strings.NewReader("content")).Status)
	}
	assert.Equal(t, 500, c.get(t, "/raises").Status)
	s.raw(t, head("GET", "/breaks"))
	now := s.waitForStatus(t, "all are counted", func(now status) bool { return now.Total.Duration.Count == 13 })
	assert.Equal(t, 13, now.Total.Counters["requests"])
	assert.Equal(t, 49, now.Total.Counters["bytes_received"])
	assert.Equal(t, 1, now.Total.Counters["responses_aborted"])
	assert.Equal(t, 2, now.Total.Counters["failed"])
}
