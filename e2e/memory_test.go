package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A crowd is clients that ask for a large response and do not read it, and such that have made a request and wait.
type crowd struct {
	readers, idle int
	size          int    // of a response, in bytes
	memory        string // --spool-memory
	most          int    // how much larger the server may become, in bytes
}

// theCrowd is a small one, but for soaks.
func theCrowd(t *testing.T) crowd {
	if os.Getenv("PYSERVE_SOAK") == "" {
		return crowd{readers: 300, idle: 300, size: 900000, memory: "8M", most: 128 << 20}
	}
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = limit.Max
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	n := int(min(10000, (limit.Max-1000)/3)) // each reader takes two of the server's descriptors
	return crowd{readers: n, idle: n, size: 300000, memory: "128M", most: 400 << 20}
}

func TestManyClientsThatDoNotReadFillADiskAndNotTheMemory(t *testing.T) {
	c := theCrowd(t)
	s := start(t, "apps.large:application", "--workers", "0", "--spool-memory", c.memory, "--spool-disk", "20G", "--spool-dir", t.TempDir(),
		"--write-timeout", "600s", "--keep-alive", "600s", "--queue", "20000", "--queue-age", "600s")
	client := s.client(t)
	client.get(t, fmt.Sprintf("/%d", c.size))
	before := resourcesOf(t, s).rss
	small := net.Dialer{Timeout: patience, Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1000) // as on a network, so that the kernel takes little
		})
	}}
	ask := func(d net.Dialer, path string) net.Conn {
		conn, err := d.Dial(s.network, s.addr)
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
		require.NoError(t, err)
		return conn
	}
	read := func(conn net.Conn) string {
		require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		content, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return string(content)
	}
	for range c.idle {
		read(ask(net.Dialer{}, "/16"))
	}
	var readers []net.Conn
	for range c.readers {
		readers = append(readers, ask(small, fmt.Sprintf("/%d", c.size)))
	}
	assert.Len(t, client.get(t, "/16").Body, 16, "they are all answered: it has come after them")
	grown := resourcesOf(t, s).rss - before
	t.Logf("%d clients that do not read and %d idle ones: %d MiB more", c.readers, c.idle, grown>>20)
	assert.Less(t, grown, c.most)
	want := strings.Repeat("0123456789abcdef", c.size/16)
	for i := 0; i < len(readers); i += len(readers) / 10 {
		assert.True(t, read(readers[i]) == want)
	}
}
