//go:build unix

package httpserver

import (
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// handDown returns a copy of a listener's descriptor, as another process has it.
func handDown(t *testing.T, l net.Listener) (copied int) {
	t.Helper()
	raw, err := l.(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		copied, err = syscall.Dup(int(fd))
	}))
	require.NoError(t, err)
	return copied
}

func TestAnInheritedListenerAcceptsWhereTheFirstOneDid(t *testing.T) {
	first, err := Listen("127.0.0.1:0")
	require.NoError(t, err)
	second, err := Inherit(handDown(t, first))
	require.NoError(t, err)
	require.NoError(t, first.Close())
	c, err := net.Dial("tcp", second.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	accepted, err := second.Accept()
	require.NoError(t, err)
	assert.NoError(t, accepted.Close())
	assert.NoError(t, second.Close())
}

func TestAnInheritedUnixSocketStaysWhenOneOfItsProcessesLeaves(t *testing.T) {
	path := socketPath(t)
	first, err := Listen("unix:" + path)
	require.NoError(t, err)
	second, err := Inherit(handDown(t, first))
	require.NoError(t, err)
	require.NoError(t, second.Close())
	assert.FileExists(t, path)
	require.NoError(t, first.Close())
	assert.NoFileExists(t, path)
}

func TestAnAdoptedUnixSocketIsRemovedByItsNewOwnerOnly(t *testing.T) {
	path := socketPath(t)
	first, err := Listen("unix:" + path)
	require.NoError(t, err)
	second, err := Adopt(handDown(t, first))
	require.NoError(t, err)
	require.NoError(t, Abandon(first))
	assert.FileExists(t, path)
	require.NoError(t, second.Close())
	assert.NoFileExists(t, path)
}

func TestWhatIsNoListenerIsNotInherited(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	defer write.Close()
	fd, err := syscall.Dup(int(read.Fd()))
	require.NoError(t, err)
	_, err = Inherit(fd)
	assert.Error(t, err)
	_, err = Adopt(-1)
	assert.Error(t, err)
}
