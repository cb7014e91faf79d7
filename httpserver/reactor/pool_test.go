//go:build linux

package reactor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/internal/disk"
)

// hangingDisk has all calls of one name hang until heal.
type hangingDisk struct {
	spares  atomic.Bool // the call goes through
	hung    atomic.Int64
	healthy chan struct{}
	once    sync.Once
}

func hangDisk(t *testing.T, call string) *hangingDisk {
	t.Helper()
	d := &hangingDisk{healthy: make(chan struct{})}
	f := func(name string) error {
		if name == call && !d.spares.Load() {
			d.hung.Add(1)
			<-d.healthy
		}
		return nil
	}
	require.True(t, disk.Injected.CompareAndSwap(nil, &f))
	t.Cleanup(func() {
		d.heal()
		disk.Injected.Store(nil)
	})
	return d
}

func (d *hangingDisk) heal() { d.once.Do(func() { close(d.healthy) }) }

// diskServer is a server with one thread and little memory, whose handler answers by a file, by much content, or by what
// was sent.
func diskServer(t *testing.T, o httpserver.Options) (r *Reactor, s *Server, address string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(longContent), 0o600))
	r, err := New(1, Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	o.BodyBuffer, o.SpoolDir = 1000, t.TempDir()
	s = r.NewServer(handlerFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		switch string(r.Target) {
		case "/file":
			f, err := os.Open(path)
			assert.NoError(t, err)
			_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: int64(len(longContent))})
			_ = w.SendFile(f, 0, int64(len(longContent)))
		case "/much":
			_ = w.WriteHead(&httpserver.Head{Status: 200, ContentLength: int64(len(muchContent))})
			_ = w.Write([]byte(muchContent))
			writtenMuch.Add(1)
		case "/echo":
			got, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			fixed(nil, got)(w, r)
		default:
			sayHello(w, r)
		}
	}), o)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	running.Go(func() { r.Work(0, nil) })
	running.Go(func() { assert.NoError(t, s.Serve(listener)) })
	t.Cleanup(func() {
		assert.NoError(t, s.Close())
		r.Close()
		running.Wait()
	})
	return r, s, listener.Addr().String()
}

// muchContent is more than the kernel and responseMemory take together.
var muchContent = strings.Repeat(longContent, 60)

// writtenMuch is how often a handler has written it: what the kernel had no room for is on the disk.
var writtenMuch atomic.Int64

// dialForDisk makes a request for which a call of the disk has to be made. The client takes all that comes once that is so.
// A handler that finds room in the kernel while it writes reads from the disk itself, so d spares the call until it has written.
func dialForDisk(t *testing.T, d *hangingDisk, address, request string) client {
	t.Helper()
	before := writtenMuch.Load()
	much := request == needsDisk["reading a spooled response"].request
	d.spares.Store(much)
	c := dial(t, address, request)
	if much {
		eventually(t, "the response is not on the disk", func() bool { return writtenMuch.Load() > before })
	}
	d.spares.Store(false)
	return c.readOn()
}

// client is a connection whose answers are read in any order.
type client struct {
	net.Conn
	*bufio.Reader
}

func dial(t *testing.T, address, request string) client {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(c, request)
	require.NoError(t, err)
	return client{c, bufio.NewReader(c)}
}

// readOn has the client take all that comes, so that the server always finds room for more.
func (c client) readOn() client {
	read, write := io.Pipe()
	come := make(chan []byte, 1<<16) // pieces; more than there are
	go func() {
		defer close(come)
		for {
			piece := make([]byte, 64<<10)
			n, err := c.Conn.Read(piece)
			if come <- piece[:n]; err != nil {
				return
			}
		}
	}()
	go func() {
		for piece := range come {
			_, _ = write.Write(piece)
		}
		write.Close()
	}()
	return client{c.Conn, bufio.NewReader(read)}
}

// answer returns the status and the content of the next answer.
func (c client) answer(t *testing.T) (status int, body string) {
	t.Helper()
	response, err := http.ReadResponse(c.Reader, nil)
	require.NoError(t, err)
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(got)
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, patience, time.Millisecond, what)
}

// needsDisk are requests for each of which a call of the disk has to be made.
var needsDisk = map[string]struct{ call, request, answer string }{
	"making the file for content": {"create", upload, longContent},
	"writing content":             {"write", upload, longContent},
	"sending a file":              {"sendfile", "GET /file HTTP/1.1\r\nHost: a\r\n\r\n", longContent},
	"reading a spooled response":  {"read", "GET /much HTTP/1.1\r\nHost: a\r\n\r\n", muchContent},
}

var upload = fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(longContent), longContent)

func TestADiskThatHangsHoldsUpNobodyWhoDoesNotNeedIt(t *testing.T) {
	for name, test := range needsDisk {
		t.Run(name, func(t *testing.T) {
			r, s, address := diskServer(t, httpserver.Options{HeaderTimeout: time.Millisecond})
			hanging := hangDisk(t, test.call)
			var clients []client
			for i := range poolSize + 2 { // two more than goroutines
				clients = append(clients, dialForDisk(t, hanging, address, test.request))
				eventually(t, "the request got stuck elsewhere", func() bool {
					return hanging.hung.Load() == int64(min(i+1, poolSize)) && r.counters.DiskWaiting.Load() == int64(max(i+1-poolSize, 0))
				})
			}
			for range 3 {
				_, body := dial(t, address, aRequest).answer(t)
				assert.Equal(t, content, body)
			}
			status, _ := dial(t, address, aRequest[:20]).answer(t)
			assert.Equal(t, http.StatusRequestTimeout, status, "time-outs wait for the disk, too")
			leaving, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			s.Drain(leaving)
			assert.ErrorIs(t, s.Shutdown(leaving), context.DeadlineExceeded)
			hanging.heal()
			for _, c := range clients {
				_, body := c.answer(t)
				assert.True(t, body == test.answer)
			}
			assert.NoError(t, s.Shutdown(t.Context()))
		})
	}
}

func TestTheEndOfConnectionsDoesNotWaitForTheDisk(t *testing.T) {
	r, _, address := diskServer(t, httpserver.Options{})
	hanging := hangDisk(t, "close")
	for i := range poolSize {
		_, body := dial(t, address, upload).answer(t)
		assert.True(t, body == longContent)
		eventually(t, "the file is not closed", func() bool { return hanging.hung.Load() == int64(i+1) })
	}
	_, body := dial(t, address, aRequest).answer(t)
	assert.Equal(t, content, body)
	hanging.heal()
	eventually(t, "files are left", func() bool {
		r.pool.mu.Lock()
		defer r.pool.mu.Unlock()
		return r.pool.jobs.len() == 0 && r.pool.idle == poolSize
	})
}

func TestWhoWaitsForTheDiskForTooLongIsLetGo(t *testing.T) {
	for name, test := range needsDisk {
		t.Run(name, func(t *testing.T) {
			r, _, address := diskServer(t, httpserver.Options{})
			hanging := hangDisk(t, test.call)
			var clients []client
			for i := range poolSize + 1 {
				clients = append(clients, dialForDisk(t, hanging, address, test.request))
				eventually(t, "the request got stuck elsewhere", func() bool {
					return hanging.hung.Load() == int64(min(i+1, poolSize)) && r.counters.DiskWaiting.Load() == int64(max(i+1-poolSize, 0))
				})
			}
			r.pool.mu.Lock()
			for i := range r.pool.jobs.items {
				r.pool.jobs.items[i].since = -int64(diskPatience)
			}
			for _, at := range r.pool.busy {
				at.since = -int64(diskPatience)
			}
			r.pool.mu.Unlock()
			for i, c := range clients {
				got, _ := io.ReadAll(c.Reader)
				assert.NotContains(t, string(got), " 500 ")
				if i == poolSize && test.request == upload {
					assert.Contains(t, string(got), " 503 ")
				}
			}
			eventually(t, "they are not counted", func() bool { return r.counters.DiskTimeouts.Load() == poolSize+1 })
			assert.Zero(t, r.counters.DiskWaiting.Load())
			_, body := dial(t, address, aRequest).answer(t)
			assert.Equal(t, content, body)
			hanging.heal()
			eventually(t, "connections are left", func() bool { return r.counters.Connections.Load() <= 1 })
		})
	}
}

func TestASmallFileInThePageCacheIsSentWithItsHead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(longContent[:20000]), 0o600))
	for name, length := range map[string]int64{"with a length": 20000, "in chunks": -1} {
		t.Run(name, func(t *testing.T) {
			r := newTestReactor(t, func(w httpserver.ResponseWriter, _ *httpserver.Request) {
				f, err := os.Open(path)
				assert.NoError(t, err)
				assert.NoError(t, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: length}))
				assert.NoError(t, w.SendFile(f, 0, 20000))
			}, Options{})
			c, client := connect(t, r)
			var calls []string
			failing(t, c.fd, func(call string) (none unix.Errno) {
				if call != "read" {
					calls = append(calls, call)
				}
				return none
			})
			p := theThread(t, r)
			ask(c, client, aRequest)
			for p.next(0) {
			}
			response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(received(client))), nil)
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			assert.NoError(t, err)
			assert.True(t, string(body) == longContent[:20000])
			if len(calls) > 0 && calls[0] == "write" {
				t.Skip("the file system cannot say what is in the page cache")
			}
			assert.Equal(t, []string{"writev"}, calls)
			assert.Nil(t, c.out.file)
		})
	}
}
