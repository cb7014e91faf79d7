package e2e_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const opensFiles = `
def app(environ, start_response):
    files = [open(__file__) for _ in range(30)]
    for file in files:
        file.close()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
`

func TestIdleConnectionsLeaveDescriptorsToTheApplicationAndToNewClients(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "opens.py"), []byte(opensFiles), 0o600))
	server := command(t, need(t, "PYSERVE_BIN"), nil, "opens:app", "--chdir", dir, "--threads", "2", "--engine", "reactor")
	cmd := exec.Command("sh", append([]string{"-c", `ulimit -n 256 && exec "$0" "$@"`}, server.Args...)...)
	cmd.Env = server.Env
	s := runServer(t, cmd)
	s.waitUntilReady(t)
	get := "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for i := range 300 {
		c := s.dial(t)
		if i%2 == 0 { // the others have sent nothing yet
			_, err := fmt.Fprint(c, get)
			require.NoError(t, err)
			answersOK(t, c)
		}
	}
	for range 3 {
		assert.Equal(t, 200, s.client(t).get(t, "/").Status)
	}
	assert.NotContains(t, s.stderr.String(), "Too many open files")
}

func answersOK(t *testing.T, c net.Conn) {
	t.Helper()
	line := make([]byte, len("HTTP/1.1 200 OK\r\n"))
	_, err := io.ReadFull(c, line)
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1 200 OK\r\n", string(line))
}
