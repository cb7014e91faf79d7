package enginetest

import (
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

var resources = []behaviour{
	{name: "nothing is left after the end", test: nothingLeft, alone: true},
	{name: "ten thousand idle connections cost less than 15 MB", test: manyIdle, alone: true},
	{name: "two thousand clients that send a byte at a time do not hinder others", test: slowLoris, alone: true},
	{name: "accepting goes on once there are descriptors again", test: noDescriptors, alone: true},
}

// openDescriptors is how many the process has (proc(5)).
func openDescriptors(s *suite) int {
	s.Helper()
	if runtime.GOOS != "linux" {
		s.Skip("it needs /proc")
	}
	names, err := os.ReadDir("/proc/self/fd")
	require.NoError(s, err)
	return len(names)
}

func nothingLeft(s *suite) {
	run := func() {
		g := newGate(handler(echo))
		srv := s.start(g, Options{Options: httpserver.Options{BodyBuffer: 1000}})
		var clients []*client
		for range 10 {
			c := srv.dial()
			c.send(pipeline(9) + "GET / HT")
			c.expectPipeline(9)
			upload := srv.dial()
			upload.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("x", 5000))
			clients = append(clients, c, upload)
		}
		inside := srv.get("/wait")
		wait(s, g.entered)
		require.NoError(s, srv.Engine.Close())
		g.open()
		srv.stopped()
		for _, c := range append(clients, inside) {
			c.Close()
		}
	}
	run() // what is made once
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(s)
	for range 5 {
		run()
	}
	s.eventually(func() bool { return openDescriptors(s) <= descriptors }, "descriptors are left")
	if !s.eventually(func() bool { return runtime.NumGoroutine() <= goroutines }, "goroutines are left") {
		stacks := make([]byte, 1<<20)
		s.Logf("%s", stacks[:runtime.Stack(stacks, true)])
	}
}

// needs skips the test unless the process may have n descriptors.
func (s *suite) needs(n int) {
	var limit syscall.Rlimit
	require.NoError(s, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if testing.Short() || uint64(limit.Cur) < uint64(n) { //nolint:unconvert // on other systems it is another type
		s.Skipf("it needs %d descriptors, there are %d; and not -short", n, limit.Cur)
	}
}

// memory is what the process uses in bytes, after a collection: of Go's memory, and resident (proc(5)).
func memory(s *suite) (used, resident int64) {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	statm, err := os.ReadFile("/proc/self/statm")
	require.NoError(s, err)
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	require.NoError(s, err)
	return int64(m.HeapAlloc + m.StackInuse), pages * int64(os.Getpagesize())
}

// rawDial connects without Go's poller and without a client's memory in this process's heap.
func (srv *server) rawDial() int {
	host, port, err := net.SplitHostPort(srv.addr)
	require.NoError(srv, err)
	number, err := strconv.Atoi(port)
	require.NoError(srv, err)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(srv, err)
	address := &syscall.SockaddrInet4{Port: number}
	copy(address.Addr[:], net.ParseIP(host).To4())
	require.NoError(srv, syscall.Connect(fd, address))
	return fd
}

func manyIdle(s *suite) {
	const n = 9500
	s.needs(2*n + 500)
	if s.network != "tcp" || raceEnabled || runtime.GOOS != "linux" {
		s.Skip("measured over TCP, by /proc, and without the race detector, which has memory of its own")
	}
	srv := s.start(text("ok"), Options{})
	srv.get("/").expect(200, "ok")
	usedBefore, residentBefore := memory(s)
	sockets := make([]int, 0, n)
	defer func() {
		for _, fd := range sockets {
			syscall.Close(fd)
		}
	}()
	answered := make([]byte, 1000)
	request := []byte(getRequest("/"))
	for range n {
		fd := srv.rawDial()
		sockets = append(sockets, fd)
		_, err := syscall.Write(fd, request)
		require.NoError(s, err)
		got, err := syscall.Read(fd, answered)
		require.NoError(s, err)
		require.NotZero(s, got)
	}
	used, resident := memory(s)
	used, resident = (used-usedBefore)*10000/n, (resident-residentBefore)*10000/n
	s.Logf("10,000 idle connections cost %d kB of Go's memory, %d kB resident", used>>10, resident>>10)
	assert.Less(s, used, int64(15<<20))
	assert.Less(s, resident, int64(15<<20))
	srv.get("/").expect(200, "ok")
}

func slowLoris(s *suite) {
	const n = 2000
	s.needs(2*n + 500)
	srv := s.start(text("ok"), Options{Threads: 1})
	slow := make([]*client, n)
	for i := range slow {
		slow[i] = srv.dial()
		slow[i].send("GET / HTTP/1.1\r\nA: ")
	}
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(time.Second / n) // a byte a second from each
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-ticker.C:
				_, _ = io.WriteString(slow[i%n].Conn, "a")
			}
		}
	}()
	c := srv.dial()
	for range 1000 {
		c.open()
	}
	close(stop)
	<-stopped
}

// noDescriptors uses up the process's descriptors, so that there is none for the server's end of a connection. What was
// closed before the test may give its descriptor back only now, so that a connection may find one: then there is another.
func noDescriptors(s *suite) {
	srv := s.start(text("ok"), Options{})
	clients := []*client{srv.dial()}
	clients[0].open()
	const half = "GET / HTTP/1.1\r\n" // an idle one may be closed to make room
	clients[0].send(half)
	var limit syscall.Rlimit
	require.NoError(s, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	low := limit
	assign(&low.Cur, openDescriptors(s)+20)
	require.NoError(s, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) }()
	var taken descriptors
	defer taken.giveBack()
	for failed := false; !failed; {
		taken.takeAll(s)
		taken.giveOneBack(s) // for the client's end
		clients = append(clients, srv.dial())
		clients[len(clients)-1].send(half)
		if slices.Contains(srv.engine.Uncounted, "accept_failures") {
			break
		}
		s.eventually(func() bool {
			failed = srv.count("accept_failures") > 0
			return failed || srv.count("accepted") == int64(len(clients))
		}, "it is neither accepted nor does accepting fail")
	}
	const rest = "Host: a\r\n\r\n"
	clients[0].send(rest)
	clients[0].expect(200, "ok")
	taken.giveBack()
	for _, c := range clients[1:] {
		c.send(rest)
		c.expect(200, "ok")
	}
	srv.get("/").expect(200, "ok")
}

// descriptors are taken so that nobody else has them.
type descriptors []int

func (d *descriptors) takeAll(s *suite) {
	for {
		fd, err := syscall.Dup(0)
		if err != nil {
			require.ErrorIs(s, err, syscall.EMFILE)
			return
		}
		*d = append(*d, fd)
	}
}

func (d *descriptors) giveOneBack(s *suite) {
	require.NotEmpty(s, *d)
	last := len(*d) - 1
	syscall.Close((*d)[last])
	*d = (*d)[:last]
}

func (d *descriptors) giveBack() {
	for _, fd := range *d {
		syscall.Close(fd)
	}
	*d = nil
}

// assign sets a limit, whose type is another on every system.
func assign[T int64 | uint64](limit *T, n int) { *limit = T(n) }
