//go:build linux

package reactor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

// failing has calls on fd fail as errno says, which gets their names, until the test ends.
func failing(t *testing.T, fd int, errno func(call string) unix.Errno) {
	t.Helper()
	f := func(on int, call string) unix.Errno {
		if on != fd {
			return 0
		}
		return errno(call)
	}
	require.True(t, injected.CompareAndSwap(nil, &f))
	t.Cleanup(func() { injected.Store(nil) })
}

// longContent is of many pieces, each of which can be told from the others.
var longContent = strings.Repeat("0123456789abcdef", 20000)

// answers are handlers that send in every way there is, with the call that does it.
var answers = []struct {
	name, call string
	handler    func(t *testing.T) handlerFunc
	content    string
}{
	{"a small response", "write", func(*testing.T) handlerFunc { return sending(longContent[:1000]) }, longContent[:1000]},
	{"a large response", "writev", func(*testing.T) handlerFunc { return sending(longContent) }, longContent},
	{"a file", "sendfile", sendingFile, longContent},
}

func sending(content string) handlerFunc {
	return fixed(nil, []byte(content))
}

func sendingFile(t *testing.T) handlerFunc {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(longContent), 0o600))
	return func(w httpserver.ResponseWriter, _ *httpserver.Request) {
		f, err := os.Open(path)
		assert.NoError(t, err)
		assert.NoError(t, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: int64(len(longContent))}))
		assert.NoError(t, w.SendFile(f, 0, int64(len(longContent))))
	}
}

// driveNow does for c what its event would.
func driveNow(t *testing.T, p *poller, c *conn, events uint32) {
	t.Helper()
	c.bits.Or(events)
	require.True(t, c.own.claim())
	p.advance(c)
	p.deliver(&p.outbox)
	runPool(c.r)
	for c.own.at() == inQueue {
		p.next(0)
	}
}

func TestInterruptedCallsAreMadeAgain(t *testing.T) {
	for _, test := range answers {
		t.Run(test.name, func(t *testing.T) {
			answer := test.handler(t)
			r := newTestReactor(t, func(w httpserver.ResponseWriter, r *httpserver.Request) {
				received, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.Equal(t, longContent[:100000], string(received))
				answer(w, r)
			}, Options{})
			c, client := connect(t, r)
			calls := map[string]int{}
			failing(t, c.fd, func(call string) unix.Errno {
				if calls[call]++; calls[call]%3 != 0 { // twice in a row
					return unix.EINTR
				}
				return 0
			})
			p := theThread(t, r)
			_, err := unix.Write(client, fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n%s", longContent[:100000]))
			require.NoError(t, err)
			driveNow(t, p, c, unix.EPOLLIN)
			got := receiveAll(t, p, c, client)
			_, body, _ := strings.Cut(got, "\r\n\r\n")
			assert.True(t, body == test.content)
			assert.Equal(t, phaseHead, c.phase)
			assert.Greater(t, calls["read"], 2)
			assert.Greater(t, calls[test.call], 2)
		})
	}
}

func TestWhatTheSocketHasNoRoomForIsSentLater(t *testing.T) {
	for _, test := range answers {
		t.Run(test.name, func(t *testing.T) {
			r := newTestReactor(t, test.handler(t), Options{})
			c, client := connect(t, r)
			full := true
			failing(t, c.fd, func(call string) unix.Errno {
				if full && call != "read" {
					return unix.EAGAIN
				}
				return 0
			})
			p := theThread(t, r)
			unix.Write(client, []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
			driveNow(t, p, c, unix.EPOLLIN)
			assert.Equal(t, phaseFlush, c.phase)
			_, err := unix.Read(client, make([]byte, 1))
			assert.ErrorIs(t, err, unix.EAGAIN, "something was sent")
			driveNow(t, p, c, unix.EPOLLOUT)
			assert.Equal(t, phaseFlush, c.phase, "there still is no room")
			full = false
			driveNow(t, p, c, unix.EPOLLOUT)
			_, body, _ := strings.Cut(receiveAll(t, p, c, client), "\r\n\r\n")
			assert.True(t, body == test.content)
			assert.Equal(t, phaseHead, c.phase)
		})
	}
}

func TestAConnectionWithNothingToReadWaits(t *testing.T) {
	r := newTestReactor(t, sending("ok"), Options{})
	c, client := connect(t, r)
	p := theThread(t, r)
	for _, piece := range []string{"", "GET / HT", "", "TP/1.1\r\nHost: a\r\n", "", "\r\n"} {
		unix.Write(client, []byte(piece))
		driveNow(t, p, c, unix.EPOLLIN)
		assert.Equal(t, phaseHead, c.phase)
		assert.Equal(t, nobody, c.own.at())
	}
	assert.Contains(t, receiveAll(t, p, c, client), "\r\n\r\nok")
}

func TestAClientThatEndsBeforeItHasItsResponseIsLetGo(t *testing.T) {
	for _, test := range answers {
		t.Run(test.name, func(t *testing.T) {
			r := newTestReactor(t, test.handler(t), Options{})
			c, client := connect(t, r)
			full := true
			failing(t, c.fd, func(call string) unix.Errno {
				if full && call != "read" {
					return unix.EAGAIN
				}
				return 0
			})
			p := theThread(t, r)
			unix.Write(client, []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
			driveNow(t, p, c, unix.EPOLLIN)
			require.Equal(t, phaseFlush, c.phase)
			full = false
			require.NoError(t, unix.Shutdown(client, unix.SHUT_RDWR)) // writing is EPIPE now
			driveNow(t, p, c, unix.EPOLLIN|hangupEvents)
			assert.Equal(t, phaseClosed, c.phase)
			assert.Zero(t, r.counters.Connections.Load())
		})
	}
}

// connectTCP is connect over TCP, which knows resets.
func connectTCP(t *testing.T, r *Reactor) (c *conn, client int) {
	t.Helper()
	call := func(fd int, err error) int {
		require.NoError(t, err)
		return fd
	}
	listening := call(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	defer unix.Close(listening)
	require.NoError(t, unix.Bind(listening, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(listening, 1))
	name, err := unix.Getsockname(listening)
	require.NoError(t, err)
	client = call(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	require.NoError(t, unix.Connect(client, name))
	fd, _, err := unix.Accept4(listening, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	require.NoError(t, err)
	c = &conn{r: r, transport: transport{fd: fd}}
	require.True(t, r.table.add(c))
	r.counters.Connections.Add(1)
	return c, client
}

// resetBy closes client so that c sees ECONNRESET, and waits until it is there.
func resetBy(t *testing.T, c *conn, client int) {
	t.Helper()
	assert.NoError(t, unix.SetsockoptLinger(client, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
	assert.NoError(t, unix.Close(client))
	assert.NoError(t, c.await(unix.POLLERR, patience))
}

func TestAResetEndsTheConnectionWhateverItWaitsFor(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	large := strings.Repeat(longContent, 100) // more than the kernel takes
	for name, test := range map[string]struct {
		send    string
		handler handlerFunc
		phase   phase
	}{
		"nothing, as it is new":    {"", nil, phaseHead},
		"its next request":         {get, sending("ok"), phaseHead},
		"the rest of a head":       {get[:20], nil, phaseHead},
		"the rest of the content":  {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + longContent[:50000], nil, phaseBody},
		"the rest of a chunk":      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + longContent[:50000], nil, phaseBody},
		"the client, which reads":  {get, sending(large), phaseFlush},
		"the client, for a file":   {get, sendingFile(t), phaseFlush},
		"a refused client to stop": {"no HTTP\r\n\r\n", nil, phaseLinger},
	} {
		t.Run(name, func(t *testing.T) {
			disk := httpserver.NewBudget(-1)
			r := newTestReactor(t, test.handler, Options{}, httpserver.Options{BodyBuffer: 1000, SpoolDisk: disk, SpoolDir: t.TempDir()})
			c, client := connectTCP(t, r)
			full := test.phase == phaseFlush
			failing(t, c.fd, func(call string) unix.Errno {
				if full && call == "sendfile" {
					return unix.EAGAIN
				}
				return 0
			})
			p := theThread(t, r)
			_, err := unix.Write(client, []byte(test.send))
			require.NoError(t, err)
			driveNow(t, p, c, unix.EPOLLIN)
			require.Equal(t, test.phase, c.phase)
			full = false
			resetBy(t, c, client)
			driveNow(t, p, c, unix.EPOLLIN|hangupEvents)
			assert.Equal(t, phaseClosed, c.phase)
			assert.Zero(t, r.counters.Connections.Load())
			assert.Zero(t, disk.Used(), "a temporary file is left")
		})
	}
}

func TestAResetWhileTheHandlerRunsIsItsError(t *testing.T) {
	for name, test := range map[string]struct {
		request string
		use     func(w httpserver.ResponseWriter, r *httpserver.Request) error
		is      error
	}{
		"writing": {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", func(w httpserver.ResponseWriter, _ *httpserver.Request) error {
			return errors.Join(w.WriteHead(&httpserver.Head{Status: 200, ContentLength: -1}), w.Write([]byte("x")))
		}, httpserver.ErrDisconnected},
		"reading": {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", func(_ httpserver.ResponseWriter, r *httpserver.Request) error {
			_, err := r.Body.Read(make([]byte, 1))
			return err
		}, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			var c *conn
			var client int
			r := newTestReactor(t, func(w httpserver.ResponseWriter, r *httpserver.Request) {
				resetBy(t, c, client)
				err := test.use(w, r)
				assert.ErrorIs(t, err, test.is)
				assert.ErrorIs(t, err, unix.ECONNRESET)
			}, Options{}, httpserver.Options{StreamRequests: true})
			c, client = connectTCP(t, r)
			p := theThread(t, r)
			unix.Write(client, []byte(test.request))
			driveNow(t, p, c, unix.EPOLLIN)
			assert.Equal(t, phaseClosed, c.phase)
			assert.Zero(t, r.counters.Connections.Load())
		})
	}
}
