package e2e_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A load is continuous traffic to an application of testdata/apps/workers.py. Each client checks each answer; the odd
// ones keep their connections, the even ones use one for each request.
type load struct {
	s       *server
	clients sync.WaitGroup

	mu      sync.Mutex
	begun   int // requests
	answers []loadAnswer
	changed chan struct{} // closed and replaced at each answer and fault
	faults  []string
	ending  bool         // the server is being stopped: it need not answer, but what it answers must be whole
	dying   map[int]bool // processes that may leave their connections without an answer, or with a torn one
	losses  int          // how many may still do so
	stopped bool
}

// A loadAnswer is a checked answer.
type loadAnswer struct {
	request int // requests are numbered from 1, in the order in which they were begun
	version string
	pid     int
}

// loadClients is the number of clients, loadPause the longest time one thinks between two requests: long enough for a
// connection to be idle often, and for a small machine to do something else.
const (
	loadClients = 8
	loadPause   = 6 * time.Millisecond
)

// startLoad sends requests until the test ends; there must not be any fault then.
func startLoad(t *testing.T, s *server) *load {
	t.Helper()
	l := &load{s: s, changed: make(chan struct{}), dying: map[int]bool{}}
	for i := range loadClients {
		c := &loadClient{load: l, keep: i%2 == 1}
		l.clients.Go(c.run)
	}
	t.Cleanup(func() { l.stop(t) }) // before the server is stopped, as that was asked for earlier
	l.wait(t, 2*loadClients)
	return l
}

// stop ends the traffic, in which no request may have failed.
func (l *load) stop(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.clients.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Empty(t, l.faults, "of %d requests, %d were answered", l.begun, len(l.answers))
}

// expectTheEnd allows from now on that the server is not there, or closes a connection without an answer: nobody can
// know what it sends to a server that is stopped. Clients that meet with that leave.
func (l *load) expectTheEnd() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ending = true
}

// expectDeathOf allows that a worker takes the answers with it that it owes: one for each client. Those go on.
func (l *load) expectDeathOf(pid int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dying[pid] = true
	l.losses += loadClients
}

// next returns n answers to requests that are begun after the call.
func (l *load) next(t *testing.T, n int) []loadAnswer {
	t.Helper()
	l.mu.Lock()
	after := l.begun
	l.mu.Unlock()
	return l.await(t, after, n)
}

// wait waits for n answers.
func (l *load) wait(t *testing.T, n int) {
	t.Helper()
	l.await(t, 0, n)
}

func (l *load) await(t *testing.T, after, n int) []loadAnswer {
	t.Helper()
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		var found []loadAnswer
		for _, a := range l.answers {
			if a.request > after {
				found = append(found, a)
			}
		}
		faults, changed := l.faults, l.changed
		l.mu.Unlock()
		require.Empty(t, faults)
		if len(found) >= n {
			return found
		}
		select {
		case <-changed:
		case <-deadline:
			require.FailNow(t, "the load gets no answers")
		}
	}
}

// waitForProcesses waits until n different workers have answered since the start.
func (l *load) waitForProcesses(t *testing.T, n int) {
	t.Helper()
	pids := map[int]bool{}
	for deadline := time.Now().Add(patience); len(pids) < n; {
		for _, a := range l.next(t, 1) {
			pids[a.pid] = true
		}
		require.True(t, time.Now().Before(deadline), "only the processes %v answer", pids)
	}
}

// waitForVersion waits for an answer to a later request by the application of that version.
func (l *load) waitForVersion(t *testing.T, version string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		for _, a := range l.next(t, 1) {
			if a.version == version {
				return
			}
		}
		require.True(t, time.Now().Before(deadline), "version %s answers nothing", version)
	}
}

// begin counts a request and returns its number, 0 when there are to be no more.
func (l *load) begin() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return 0
	}
	l.begun++
	return l.begun
}

func (l *load) answered(a loadAnswer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers = append(l.answers, a)
	close(l.changed)
	l.changed = make(chan struct{})
}

// failed notes a fault, and reports whether the client is to go on.
func (l *load) failed(c *loadClient, err error) (goOn bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lost lossError
	if errors.As(err, &lost) {
		if l.ending && lost.loss != torn {
			return false
		}
		// Who has accepted a new connection the client cannot know.
		if (c.pid == 0 && len(l.dying) > 0 || l.dying[c.pid]) && lost.loss != noConnection && l.losses > 0 {
			l.losses--
			return true
		}
	}
	l.faults = append(l.faults, time.Now().Format("15:04:05.000 ")+err.Error())
	close(l.changed)
	l.changed = make(chan struct{})
	return false
}

// A lossError says that an answer did not come, or not as a whole.
type lossError struct {
	loss loss
	text string
}

type loss int

const (
	noConnection loss = iota
	unanswered        // not a byte came
	torn
)

func (e lossError) Error() string { return e.text }

// A loadClient sends one request after the other.
type loadClient struct {
	load *load
	keep bool

	conn     net.Conn
	reader   *bufio.Reader
	requests int // on the connection
	pid      int // that has answered the last one
}

// run leaves after the first fault: others of the same cause would only hide it.
func (c *loadClient) run() {
	defer c.hangUp()
	for {
		n := c.load.begin()
		if n == 0 {
			return
		}
		a, err := c.request(n)
		if err != nil {
			err = fmt.Errorf("request %d (the connection's number %d, after process %d): %w", n, c.requests, c.pid, err)
			if !c.load.failed(c, err) {
				return
			}
			c.hangUp()
			continue
		}
		c.load.answered(a)
		time.Sleep(rand.N(loadPause))
	}
}

func (c *loadClient) hangUp() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func (c *loadClient) request(n int) (loadAnswer, error) {
	if c.conn == nil {
		conn, err := net.DialTimeout(c.load.s.network, c.load.s.addr, patience)
		if err != nil {
			return loadAnswer{}, lossError{noConnection, "no connection: " + err.Error()}
		}
		c.conn, c.reader, c.requests, c.pid = conn, bufio.NewReader(conn), 0, 0
	}
	c.requests++
	var content []byte
	method, header := "GET", []string{}
	if n%3 == 0 {
		content = pattern(n % 5000)
		method, header = "POST", []string{"Content-Length: " + strconv.Itoa(len(content))}
	}
	if !c.keep {
		header = append(header, "Connection: close")
	}
	padding := n * 7 % 3000
	path := fmt.Sprintf("/answer?n=%d&padding=%d", n, padding)
	if n%4 == 0 {
		path += "&chunks=1"
	}
	res, body, err := c.exchange(head(method, path, header...)+string(content), method)
	if err != nil {
		return loadAnswer{}, err
	}
	if res.Close {
		c.hangUp()
	}
	a, err := checkAnswer(res, body, n, content, padding)
	if err == nil {
		c.pid = a.pid
	}
	return a, err
}

// exchange sends a request and reads the answer.
func (c *loadClient) exchange(request, method string) (*http.Response, string, error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, "", err
	}
	_, failed := io.WriteString(c.conn, request)
	if _, err := c.reader.Peek(1); err != nil {
		return nil, "", lossError{unanswered, kindOf(err, failed)}
	}
	res, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		return nil, "", lossError{torn, "the answer's head is torn: " + err.Error()}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, "", lossError{torn, fmt.Sprintf("the answer (status %d) is torn after %d bytes: %v", res.StatusCode, len(body), err)}
	}
	return res, string(body), nil
}

// kindOf names what a client without an answer has met.
func kindOf(read, write error) string {
	switch {
	case errors.Is(read, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.Is(read, syscall.ECONNRESET), errors.Is(write, syscall.ECONNRESET), errors.Is(write, syscall.EPIPE):
		return "the connection was reset without an answer"
	case errors.Is(read, io.EOF):
		return "the connection was closed without an answer"
	}
	return fmt.Sprintf("no answer: %v", errors.Join(write, read))
}

// checkAnswer compares an answer of testdata/apps/workers.py with what was asked for.
func checkAnswer(res *http.Response, body string, n int, content []byte, padding int) (loadAnswer, error) {
	if res.StatusCode != http.StatusOK {
		return loadAnswer{}, fmt.Errorf("status %d: %.200s", res.StatusCode, body)
	}
	first, rest, _ := strings.Cut(body, "\n")
	words := strings.Fields(first)
	if len(words) != 5 {
		return loadAnswer{}, fmt.Errorf("a wrong answer: %.200q", body)
	}
	want := fmt.Sprintf("%d %d %d", n, len(content), crc32.ChecksumIEEE(content))
	if got := strings.Join(words[2:], " "); got != want {
		return loadAnswer{}, fmt.Errorf("another request's answer: %q, not %q", got, want)
	}
	if len(rest) != padding || bytes.Count([]byte(rest), []byte("x")) != padding {
		return loadAnswer{}, fmt.Errorf("padding of %d bytes, not %d", len(rest), padding)
	}
	pid, err := strconv.Atoi(words[1])
	return loadAnswer{request: n, version: words[0], pid: pid}, err
}
