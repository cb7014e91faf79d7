package e2e_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSoak sends mixed traffic, well-formed and not, from fast, slow and vanishing clients, while the server is reloaded,
// upgraded, resized, has its workers killed and its log rotated. It checks every answer to what is well-formed; then it
// looks for what has leaked. PYSERVE_SOAK is how long, such as 10m (make soak); the default is short.
func TestSoak(t *testing.T) {
	duration, seed := 8*time.Second, uint64(time.Now().UnixNano())
	if text := os.Getenv("PYSERVE_SOAK"); text != "" {
		var err error
		duration, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	if text := os.Getenv("PYSERVE_SOAK_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("PYSERVE_SOAK_SEED=%d", seed)
	spool, log := t.TempDir(), filepath.Join(t.TempDir(), "access.log")
	s := startService(t, "apps.soak:app", "--workers", "2", "--threads", "8", "--spool-dir", spool, "--body-buffer", "16K",
		"--access-log", log, "--graceful-timeout", "3s")
	d := &disturber{s: s, log: log, random: rand.New(rand.NewPCG(seed, 99)), done: map[string]int{}}
	soak := &soak{s: s.server, disturber: d}

	soak.run(t, duration/4, seed)
	before := resourcesOf(t, s.server)
	soak.run(t, duration*3/4, seed+1)
	require.Zero(t, soak.faults.Len(), soak.faults.String())
	t.Logf("%d requests, %d lost with killed workers; %v", soak.requests, soak.lost, d.done)

	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		after := resourcesOf(t, s.server)
		if after.descriptors <= before.descriptors+8 && after.threads <= before.threads+8 && after.rss < before.rss+soakMemory() {
			break
		}
		if time.Now().After(deadline) {
			assert.Equal(t, before, after, "resources leak")
			break
		}
	}
	s.stopUpgraded(t)
	left, err := os.ReadDir(spool)
	require.NoError(t, err)
	assert.Empty(t, left, "temporary files are left")
	assert.GreaterOrEqual(t, d.checkLog(t), soak.requests-soak.lost, "an answer has no line in the access log")
}

// soak is what the clients share.
type soak struct {
	s         *server
	disturber *disturber
	until     time.Time

	mu       sync.Mutex
	requests int // visits that were answered
	lost     int // and that were not, because a worker was killed
	faults   bytes.Buffer
}

// run sends traffic for so long, and disturbs the server meanwhile.
func (k *soak) run(t *testing.T, duration time.Duration, seed uint64) {
	k.until = time.Now().Add(duration)
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() { k.visit(rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	k.disturber.run(t, k.until, duration/30)
	clients.Wait()
	vanished.closeAll()
	k.disturber.s.waitUntilServing(t)
}

// visit makes one visit after the other. It leaves after the first fault: others of the same cause would only hide it.
func (k *soak) visit(random *rand.Rand) {
	for time.Now().Before(k.until) {
		visit := visits[random.IntN(len(visits))]
		when := span{from: time.Now()}
		err := visit.make(k.s, random)
		when.to = time.Now()
		excused := err != nil && k.disturber.excuses(err, when)
		k.mu.Lock()
		switch {
		case excused:
			k.lost++
		case err != nil:
			fmt.Fprintf(&k.faults, "%s %s: %v\n", when.to.Format("15:04:05.000"), visit.name, err)
		default:
			k.requests++
		}
		k.mu.Unlock()
		if err != nil && !excused {
			return
		}
	}
}

// visits are the kinds of traffic. An error is an answer that is wrong.
var visits = []struct {
	name string
	make func(s *server, r *rand.Rand) error
}{
	{"plain", plainVisit},
	{"plain", plainVisit},
	{"pipelined", pipelinedVisit},
	{"upload", uploadVisit},
	{"slow upload", slowVisit},
	{"half-closed", halfClosedVisit},
	{"malformed", malformedVisit},
	{"cut off", cutOffVisit},
	{"abandoned", abandonedVisit},
	{"torn", tornVisit},
	{"slow reader", slowReaderVisit},
	{"vanishing", vanishingVisit},
}

// soakConn dials with a deadline, so that nothing hangs unseen.
func soakConn(s *server) (net.Conn, *bufio.Reader, error) {
	conn, err := net.DialTimeout(s.network, s.addr, patience)
	if err != nil {
		return nil, nil, err
	}
	return conn, bufio.NewReader(conn), conn.SetDeadline(time.Now().Add(patience))
}

// wanted is a path and the content of its answer.
func wanted(r *rand.Rand) (path string, content []byte) {
	kinds := []string{"list", "stream", "write", "file", "wait"}
	kind := kinds[r.IntN(len(kinds))]
	if kind == "wait" {
		return "/wait", []byte("waited")
	}
	size := r.IntN(3000)
	if r.IntN(8) == 0 {
		size = r.IntN(400_000)
	}
	return fmt.Sprintf("/%s/%d", kind, size), soakContent(size)
}

// soakContent is what testdata/apps/soak.py answers with.
func soakContent(size int) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i % 251)
	}
	return content
}

// answered reads a response and compares it. last says that it is the connection's last.
func answered(in *bufio.Reader, content []byte) (last bool, err error) {
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return false, err
	}
	got, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return false, err
	case res.StatusCode != 200:
		return false, fmt.Errorf("status %d", res.StatusCode)
	case !bytes.Equal(got, content):
		return false, fmt.Errorf("%d bytes of content, or others, instead of %d", len(got), len(content))
	}
	return res.Close, nil
}

func plainVisit(s *server, r *rand.Rand) error {
	conn, in, err := soakConn(s)
	if err != nil {
		return err
	}
	defer conn.Close()
	for range 1 + r.IntN(10) {
		path, content := wanted(r)
		if _, err := io.WriteString(conn, head("GET", path)); err != nil {
			return err
		}
		last, err := answered(in, content)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if last {
			return nil
		}
	}
	return nil
}

// pipelinedVisit takes it that what stands behind the last answer of a connection is not answered.
func pipelinedVisit(s *server, r *rand.Rand) error {
	conn, in, err := soakConn(s)
	if err != nil {
		return err
	}
	defer conn.Close()
	var requests strings.Builder
	var contents [][]byte
	for range 2 + r.IntN(20) {
		path, content := wanted(r)
		requests.WriteString(head("GET", path))
		contents = append(contents, content)
	}
	go io.WriteString(conn, requests.String())
	for i, content := range contents {
		last, err := answered(in, content)
		if err != nil {
			return fmt.Errorf("answer %d: %w", i, err)
		}
		if last {
			return nil
		}
	}
	return nil
}

// upload is a POST of random content and the content of its answer.
func upload(r *rand.Rand) (request string, answer []byte) {
	body := make([]byte, r.IntN(100_000))
	for i := range body {
		body[i] = byte(r.Uint32())
	}
	answer = fmt.Appendf(nil, "%d %s", len(body), sha(body))
	if r.IntN(2) == 0 {
		return head("POST", "/digest", "Transfer-Encoding: chunked") + chunked(body, 1+r.IntN(9000)), answer
	}
	return head("POST", "/digest", fmt.Sprintf("Content-Length: %d", len(body))) + string(body), answer
}

func uploadVisit(s *server, r *rand.Rand) error {
	conn, in, err := soakConn(s)
	if err != nil {
		return err
	}
	defer conn.Close()
	request, content := upload(r)
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	_, err = answered(in, content)
	return err
}

func slowVisit(s *server, r *rand.Rand) error {
	conn, in, err := soakConn(s)
	if err != nil {
		return err
	}
	defer conn.Close()
	request, content := upload(r)
	for rest := request; rest != ""; {
		n := min(1+r.IntN(len(request)/4+1), len(rest))
		if _, err := io.WriteString(conn, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
		time.Sleep(time.Millisecond) // the traffic's own pace, not a wait for something
	}
	_, err = answered(in, content)
	return err
}

func halfClosedVisit(s *server, r *rand.Rand) error {
	conn, in, err := soakConn(s)
	if err != nil {
		return err
	}
	defer conn.Close()
	path, content := wanted(r)
	if _, err := io.WriteString(conn, head("GET", path)); err != nil {
		return err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	if os.Getenv("PYSERVE_ENGINE") == "nethttp" {
		return nil // may take it for gone: the README says so
	}
	_, err = answered(in, content)
	return err
}

func malformedVisit(s *server, r *rand.Rand) error {
	conn, in, err := soakConn(s)
	if err != nil {
		return err
	}
	defer conn.Close()
	requests := []string{
		"GET / HTTP/1.1\r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\x02\x00", "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
		"POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
		"POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	}
	if _, err := io.WriteString(conn, requests[r.IntN(len(requests))]+"\r\n\r\n"); err != nil {
		return err
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	if res.StatusCode < 400 {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}

func cutOffVisit(s *server, r *rand.Rand) error {
	conn, _, err := soakConn(s)
	if err != nil {
		return err
	}
	defer conn.Close()
	request, _ := upload(r)
	_, err = io.WriteString(conn, request[:r.IntN(len(request))])
	return err
}

func abandonedVisit(s *server, r *rand.Rand) error {
	conn, in, err := soakConn(s)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, head("GET", fmt.Sprintf("/stream/%d", 1_000_000+r.IntN(2_000_000)))); err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, in, int64(r.IntN(100_000)))
	if r.IntN(2) == 0 {
		conn.(*net.TCPConn).SetLinger(0)
	}
	return err
}

func tornVisit(s *server, r *rand.Rand) error {
	conn, in, err := soakConn(s)
	if err != nil {
		return err
	}
	defer conn.Close()
	path := fmt.Sprintf("/torn/%d", 1+r.IntN(100_000))
	if r.IntN(3) == 0 {
		path = "/raise"
	}
	if _, err := io.WriteString(conn, head("GET", path)); err != nil {
		return err
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	_, err = io.ReadAll(res.Body)
	if path == "/raise" && res.StatusCode == 500 || err != nil {
		return nil
	}
	return errors.New("a torn response looks whole")
}

// soakMemory is by how many bytes master and workers may have grown: Go does not give memory back at once, and net/http
// has a goroutine and buffers for each connection.
func soakMemory() int {
	if os.Getenv("PYSERVE_ENGINE") == "nethttp" {
		return 192 << 20
	}
	return 64 << 20
}

// resources are what master and workers together must not use more and more of.
type resources struct{ descriptors, threads, rss int }

func resourcesOf(t *testing.T, s *server) (r resources) {
	for _, process := range processesOf(t, s) {
		for folder, count := range map[string]*int{"fd": &r.descriptors, "task": &r.threads} {
			entries, err := os.ReadDir(filepath.Join(process, folder))
			require.NoError(t, err)
			*count += len(entries)
		}
		statm, err := os.ReadFile(filepath.Join(process, "statm"))
		require.NoError(t, err)
		pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
		require.NoError(t, err)
		r.rss += pages * os.Getpagesize()
	}
	return r
}

// processesOf returns the folders in /proc of the server's process group.
func processesOf(t *testing.T, s *server) (folders []string) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, stat := range stats {
		line, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		_, fields, _ := strings.Cut(string(line), ") ")
		if words := strings.Fields(fields); words[2] == strconv.Itoa(s.cmd.Process.Pid) {
			folders = append(folders, filepath.Dir(stat))
		}
	}
	return folders
}
