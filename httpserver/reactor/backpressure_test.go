//go:build linux

package reactor

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

func TestAResponseForWhichThereIsNoDiskArrivesWholeThroughASmallSocket(t *testing.T) {
	large := strings.Repeat(longContent, 10) // more than responseMemory
	for _, pieces := range []int{1, 3, 100} {
		t.Run(fmt.Sprintf("%d pieces", pieces), func(t *testing.T) {
			disk := httpserver.NewBudget(0)
			r := newTestReactor(t, func(w httpserver.ResponseWriter, _ *httpserver.Request) {
				assert.NoError(t, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: int64(len(large))}))
				for i := range pieces {
					assert.NoError(t, w.Write([]byte(large[len(large)*i/pieces:len(large)*(i+1)/pieces])))
				}
			}, Options{}, httpserver.Options{SpoolDisk: disk})
			c, client := connect(t, r)
			require.NoError(t, unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1))
			unix.Write(client, []byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
			own, err := unix.Dup(client)
			require.NoError(t, err)
			received := make(chan string)
			go func() {
				file := os.NewFile(uintptr(own), "client")
				defer file.Close()
				got, _ := io.ReadAll(file)
				received <- string(got)
			}()
			p := theThread(t, r)
			driveNow(t, p, c, unix.EPOLLIN)
			for c.phase == phaseFlush {
				require.NoError(t, c.await(unix.POLLOUT, patience))
				driveNow(t, p, c, unix.EPOLLOUT)
			}
			_, body, _ := strings.Cut(<-received, "\r\n\r\n")
			assert.True(t, body == large, "%d bytes instead of %d", len(body), len(large))
			assert.NotZero(t, r.counters.SpoolDiskWaits.Load())
			assert.Zero(t, disk.Used())
		})
	}
}

func TestAHandlerThatWaitsForWantOfDiskDoesNotWaitForEver(t *testing.T) {
	r := newTestReactor(t, func(w httpserver.ResponseWriter, _ *httpserver.Request) {
		assert.NoError(t, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: -1}))
		err := w.Write(make([]byte, 2*responseMemory))
		assert.ErrorIs(t, err, httpserver.ErrDisconnected)
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	}, Options{Limits: httpserver.Limits{WriteTimeout: 1}}, httpserver.Options{SpoolDisk: httpserver.NewBudget(0)})
	c, client := connect(t, r)
	p := theThread(t, r)
	unix.Write(client, []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	driveNow(t, p, c, unix.EPOLLIN)
	assert.Equal(t, phaseClosed, c.phase)
	assert.Equal(t, int64(1), r.counters.WriteTimeouts.Load())
}
