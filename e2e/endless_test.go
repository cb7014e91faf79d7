package e2e_test

import (
	"bufio"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCCodeThatYieldsNothingForEverStopsNobodyElse(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/repeat", "/sentinel", "/list", "/writelines", "/asks"} {
		t.Run(path[1:], func(t *testing.T) {
			t.Parallel()
			s := start(t, "apps.endless:app", "--timeout", "1s", "--threads", "2")
			before := s.client(t).get(t, "/pid").Body
			answer, c := make(chan string, 1), s.dial(t)
			request(t, c, "GET", path)
			go func() {
				head, _ := bufio.NewReader(c).ReadString('\n')
				answer <- head
			}()
			for {
				assert.Equal(t, "hello", s.client(t).get(t, "/hello").Body)
				select {
				case head := <-answer:
					if path != "/sentinel" && path != "/list" { // which have some content, or an end
						assert.Contains(t, head, "504 Gateway Timeout")
					}
					assert.Equal(t, before, s.client(t).get(t, "/pid").Body, "the worker had to be killed")
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		})
	}
}

func request(t *testing.T, c net.Conn, method, path string, fields ...string) {
	t.Helper()
	_, err := io.WriteString(c, method+" "+path+" HTTP/1.1\r\n"+strings.Join(append(fields, "Host: x"), "\r\n")+"\r\n\r\n")
	require.NoError(t, err)
}

func TestWithoutATimeOutOnlyTheClientsLeavingEndsAnEndlessIterable(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.endless:app", "--timeout", "0", "--threads", "2")
	for range 2 { // a thread that did not come back would be missed
		c := s.dial(t)
		request(t, c, "GET", "/repeat")
		assert.Equal(t, "hello", s.client(t).get(t, "/hello").Body)
		c.Close()
	}
	c := s.dial(t)
	request(t, c, "GET", "/many")
	require.Eventually(t, func() bool { return s.client(t).get(t, "/begun").Body == "1" }, patience, 10*time.Millisecond, "it waits for a thread")
	c.Close()
	require.Eventually(t, func() bool { return s.client(t).get(t, "/closed").Body == "1" }, patience, 10*time.Millisecond,
		"an application that yields nothing never notices that the client has gone")
}

func TestAStreamThatYieldsNothingForSomeTimeOutlivesTheTimeOut(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.endless:app", "--timeout", "500ms")
	assert.Equal(t, "content", s.client(t).get(t, "/few").Body)
	assert.NotContains(t, s.stderr.String(), "time-out")
}

func TestHeadsThatNoClientTakesAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.endless:app")
	for _, path := range []string{"/headers", "/header"} {
		assert.Equal(t, 500, s.client(t).get(t, path).Status)
		s.stderr.waitForText(t, "ValueError: the status and the response headers are larger than 1048576 bytes")
	}
}

func TestAnInterruptedRequestHasItsWorkerReplacedLater(t *testing.T) {
	t.Parallel()
	for workers, line := range map[string]string{
		"1": `a request was interrupted and may have left a lock held: a successor takes over in \d+s`,
		"0": `WARN .*a request was interrupted in its time-out: a lock that it held may never be released`,
	} {
		s := start(t, "apps.stuck:app", "--timeout", "300ms", "--workers", workers)
		before := s.client(t).get(t, "/pid").Body
		for range 3 {
			assert.Equal(t, 504, s.client(t).get(t, "/loop").Status)
		}
		s.stderr.waitFor(t, regexp.MustCompile(line))
		assert.Equal(t, before, s.client(t).get(t, "/pid").Body, "a client makes workers come and go")
	}
}

func TestTheStackOfARequestIsFoundAmongManyThreads(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.endless:app", "--timeout", "300ms")
	assert.Equal(t, 504, s.client(t).get(t, "/threads").Status)
	s.stderr.waitFor(t, regexp.MustCompile(`target=/threads(.*\n)+?.*endless.py", line \d+ in threads`))
	assert.Equal(t, 1, strings.Count(s.stderr.String(), "(most recent call first)"), "the stacks of the others")
}

// Up to CPython 3.11 a thread that is being started looks like the one that starts it, and could get its exception.
func TestATimeOutIsRaisedInTheRequestsThreadAndNotInOneThatItStarts(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.endless:app", "--timeout", "300ms")
	for range 8 {
		assert.Equal(t, 504, s.client(t).get(t, "/starting").Status)
	}
	s.stop(t) // at once: no request goes on
	assert.NotContains(t, s.stderr.String(), "Exception ignored")
	assert.NotContains(t, s.stderr.String(), "has not come back")
}

func TestAResponseDoesNotWaitForAThreadThatReads(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"reactor", "nethttp"} {
		s := start(t, "apps.endless:app", "--request-buffering", "off", "--engine", engine)
		for path, want := range map[string]string{"/reading": "\r\n\r\nsmall", "/reading/stream": " stream\r\n0\r\n\r\n", "/reading/fails": "Internal Server Error\n"} {
			c := s.dial(t)
			request(t, c, "POST", path, "Content-Length: 1")
			var all strings.Builder
			for buffer := make([]byte, 4096); !strings.HasSuffix(all.String(), want); {
				n, err := c.Read(buffer)
				all.Write(buffer[:n])
				require.NoError(t, err, "%s of %s: %q", path, engine, all.String())
			}
		}
	}
}

func TestWhatTheImportSetsInContextVariables(t *testing.T) {
	t.Parallel()
	const six, all = "0.333333", "0.3333333333333333333333333333"
	for flags, want := range map[string]string{
		"--threads 1":                            six,
		"--threads 1 --workers 0":                six,
		"--threads 1 --preload":                  six,
		"--threads 1 --context empty":            all,
		"--threads 2":                            all,
		"--threads 2 --context import":           six,
		"--threads 2 --context import --preload": six,
	} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			s := start(t, "apps.endless:app", strings.Fields(flags)...)
			for range 3 {
				assert.Equal(t, want, s.client(t).get(t, "/decimal").Body)
				s.client(t).get(t, "/precision") // which sets it, and is not seen by the next request
			}
		})
	}
}

func TestWhatIsPrintedIsWholeInSpiteOfSignals(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.endless:interrupted_app()", "--threads", "1")
	for range 5 {
		assert.Equal(t, "printed", s.client(t).get(t, "/prints").Body)
	}
	whole := strings.Repeat(strings.Repeat("x", 100_000)+"\n", 5)
	require.Eventually(t, func() bool { return len(s.stdout.String()) >= len(whole) }, patience, 10*time.Millisecond, "some is lost")
	assert.True(t, whole == s.stdout.String())
}

func TestFilesOfProcAreSent(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.endless:app")
	assert.Contains(t, s.client(t).get(t, "/meminfo").Body, "Pid:\t"+s.client(t).get(t, "/pid").Body)
}
