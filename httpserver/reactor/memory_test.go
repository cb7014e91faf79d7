//go:build linux

package reactor

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

// withMemory returns a reactor whose clients may together take so many bytes of memory.
func withMemory(t *testing.T, bytes int64, h handlerFunc) (*Reactor, *httpserver.Budget) {
	t.Helper()
	memory := httpserver.NewBudget(bytes)
	return newTestReactor(t, h, Options{}, httpserver.Options{SpoolMemory: memory, SpoolDir: t.TempDir()}), memory
}

// slowly sends a request of each of n new connections, whose clients read nothing.
func slowly(t *testing.T, r *Reactor, p *poller, n int, request string) (conns []*conn, clients []int) {
	t.Helper()
	for range n {
		c, client := connect(t, r)
		require.NoError(t, unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1))
		ask(c, client, request)
		for p.next(0) {
		}
		runPool(r)
		conns, clients = append(conns, c), append(clients, client)
	}
	return conns, clients
}

func TestManyClientsThatDoNotReadTakeNoMoreMemoryThanTheyMay(t *testing.T) {
	const bound = 2 << 20
	r, memory := withMemory(t, bound, sending(longContent))
	p := theThread(t, r)
	conns, clients := slowly(t, r, p, 50, aRequest)
	onDisk := 0
	for _, c := range conns {
		require.Equal(t, phaseFlush, c.phase)
		if c.out.spool.OnDisk() {
			onDisk++
		}
	}
	assert.LessOrEqual(t, memory.Used(), int64(bound))
	assert.Greater(t, memory.Used(), int64(bound/2))
	assert.Greater(t, onDisk, 40)
	for i, c := range conns {
		_, body, _ := strings.Cut(receiveAll(t, p, c, clients[i]), "\r\n\r\n")
		assert.True(t, body == longContent)
	}
	assert.Zero(t, memory.Used())
}

func TestHeadsThatTrickleInTakeNoMoreMemoryThanTheyMay(t *testing.T) {
	const bound = 1 << 20
	r, memory := withMemory(t, bound, sayHello)
	p := theThread(t, r)
	field := "A: " + strings.Repeat("a", 30000) + "\r\n"
	_, clients := slowly(t, r, p, 50, "GET / HTTP/1.1\r\nHost: a\r\n"+field)
	assert.LessOrEqual(t, memory.Used(), int64(bound))
	refused := int(r.counters.SpoolMemoryRefusals.Load())
	assert.Equal(t, 50-bound/(32<<10), refused)
	for i, client := range clients {
		if i >= 50-refused {
			assert.Contains(t, received(client), " 503 ")
		}
	}
	conns, clients := slowly(t, r, p, 50, aRequest[:20])
	for i, c := range conns {
		ask(c, clients[i], aRequest[20:])
		for p.next(0) {
		}
		assert.Contains(t, received(clients[i]), content, "small heads are taken all the same")
	}
	r.table.each(func(c *conn) {
		if c.own.claim() {
			c.close()
		}
	})
	assert.Zero(t, memory.Used())
}

func TestContentForWhichThereIsNoMemoryIsOnDiskFromTheBeginning(t *testing.T) {
	var got [][]byte
	r, memory := withMemory(t, 100<<10, func(w httpserver.ResponseWriter, q *httpserver.Request) {
		var b bytes.Buffer
		_, err := b.ReadFrom(q.Body)
		assert.NoError(t, err)
		got = append(got, b.Bytes())
		sayHello(w, q)
	})
	p := theThread(t, r)
	request := fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n%s", longContent[:50000])
	conns, clients := slowly(t, r, p, 10, request)
	onDisk := 0
	for _, c := range conns {
		if c.in.spool.OnDisk() {
			onDisk++
		}
	}
	assert.Equal(t, 9, onDisk)
	for i, c := range conns {
		ask(c, clients[i], longContent[50000:100000])
		for p.next(0) {
		}
		runPool(r)
		for p.next(0) {
		}
		assert.Contains(t, received(clients[i]), content)
	}
	for _, b := range got {
		assert.True(t, string(b) == longContent[:100000])
	}
	assert.Len(t, got, 10)
	assert.Zero(t, memory.Used())
}

func TestRequestsBehindAnAnswerThatIsNotTakenAreDroppedWithoutMemory(t *testing.T) {
	r, memory := withMemory(t, 8<<10, sending(longContent[:30000]))
	p := theThread(t, r)
	conns, clients := slowly(t, r, p, 1, aRequest+strings.Repeat(aRequest, 1000))
	require.Equal(t, phaseFlush, conns[0].phase)
	got := receiveAll(t, p, conns[0], clients[0])
	assert.Equal(t, 1, strings.Count(got, "HTTP/1.1 200"))
	assert.Zero(t, memory.Used())
}
