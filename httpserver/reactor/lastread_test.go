//go:build linux

package reactor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A thread has found nothing to read; before it goes on a request comes, and then the server begins to drain.
func TestADrainDoesNotCloseAConnectionForAReadThatWasBefore(t *testing.T) {
	r := newTestReactor(t, sending("ok"), Options{})
	p := theThread(t, r)
	c, client := connect(t, r)
	failing(t, c.fd, func(call string) unix.Errno {
		if call != "read" || r.draining.Load() {
			return 0
		}
		_, err := unix.Write(client, []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
		assert.NoError(t, err)
		r.draining.Store(true)
		return unix.EAGAIN
	})
	driveNow(t, p, c, unix.EPOLLIN)
	require.Equal(t, phaseHead, c.phase, "the connection was closed with a request in it")
	driveNow(t, p, c, unix.EPOLLIN) // by the event of that request, or the sweeper
	answer := make([]byte, 1000)
	n, err := unix.Read(client, answer)
	require.NoError(t, err)
	assert.Contains(t, string(answer[:n]), "200 OK")
}
