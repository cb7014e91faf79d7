//go:build linux

package reactor

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

func TestConnectionsInheritFromTheirListenerThatVanishedClientsAreFoundOut(t *testing.T) {
	r := newTestReactor(t, nil, Options{Limits: httpserver.Limits{WriteTimeout: 30 * time.Second}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	in, err := r.listen(l)
	require.NoError(t, err)
	defer r.unlisten(in)
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	r.accept(in, nil)
	var accepted *conn
	r.table.each(func(c *conn) { accepted = c })
	require.NotNil(t, accepted)
	for name, option := range map[string]struct{ level, name, want int }{
		"TCP_NODELAY":      {unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		"SO_KEEPALIVE":     {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		"TCP_KEEPIDLE":     {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 60},
		"TCP_USER_TIMEOUT": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 90000},
	} {
		if err := unix.SetsockoptInt(in.fd, option.level, option.name, option.want); err == unix.ENOPROTOOPT {
			continue // the system has no such thing
		}
		got, err := unix.GetsockoptInt(accepted.fd, option.level, option.name)
		require.NoError(t, err)
		assert.Equal(t, option.want, got, name)
	}
}
