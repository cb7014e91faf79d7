package httpserver

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// descriptorOf returns a descriptor of its own of l, as a process has one that it was started with.
func descriptorOf(t *testing.T, l interface{ File() (*os.File, error) }) int {
	t.Helper()
	f, err := l.File()
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return int(f.Fd())
}

func TestASocketThatIsHandedDownIsListenedOn(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	require.NoError(t, err)
	fd, err := syscall.Dup(int(f.Fd())) // os.File does not know of it
	require.NoError(t, err)
	f.Close()
	taken := mustListen(t, fmt.Sprintf("fd://%d", fd))
	assert.Equal(t, l.Addr().String(), taken.Addr().String())

	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	accepted, err := taken.Accept()
	require.NoError(t, err)
	accepted.Close()
}

func TestListenSaysWhatIsWrongWithADescriptor(t *testing.T) {
	l := mustListen(t, "127.0.0.1:0")
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer datagrams.Close()
	file, err := os.Create(t.TempDir() + "/f")
	require.NoError(t, err)
	defer file.Close()
	for bind, problem := range map[string]string{
		"fd://":                                "is not the number of a descriptor",
		"fd://x":                               "is not the number of a descriptor",
		"fd://-1":                              "is not the number of a descriptor",
		"fd://1":                               "that is a standard stream",
		"fd://9999":                            "it is not open",
		fmt.Sprintf("fd://%d", int(file.Fd())): "it is not a socket",
		fmt.Sprintf("fd://%d", descriptorOf(t, datagrams.(*net.UDPConn))): "it is not a stream socket",
		fmt.Sprintf("fd://%d", descriptorOf(t, c.(*net.TCPConn))):         "it does not listen",
	} {
		_, err := Listen(bind)
		var explained *ListenError
		require.ErrorAs(t, err, &explained, bind)
		assert.Contains(t, explained.Problem, problem, bind)
	}
	_, err = file.Stat()
	assert.NoError(t, err, "it is left alone")
}
