//go:build linux

package reactor

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyserve/pyserve/httpserver"
)

func TestAClientThatDoesNotReadIsNotTriedWithEachPieceOfAResponse(t *testing.T) {
	const pieces = 5000
	piece := make([]byte, 100)
	r := newTestReactor(t, func(w httpserver.ResponseWriter, _ *httpserver.Request) {
		assert.NoError(t, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: -1}))
		for range pieces {
			assert.NoError(t, w.Write(piece))
		}
	}, Options{})
	c, client := connect(t, r)
	tried := 0
	failing(t, c.fd, func(call string) unix.Errno {
		if call == "read" {
			return 0
		}
		tried++
		return unix.EAGAIN
	})
	p := theThread(t, r)
	unix.Write(client, []byte(aRequest))
	driveNow(t, p, c, unix.EPOLLIN)
	assert.Equal(t, phaseFlush, c.phase)
	assert.Less(t, tried, pieces/100)
	assert.Greater(t, tried, pieces*len(piece)/outStep-1, "a client that reads again is not noticed")
}

func TestAClientThatReadsAgainIsSentTheNextPieceImmediately(t *testing.T) {
	var c *conn
	full, tried := true, 0
	r := newTestReactor(t, func(w httpserver.ResponseWriter, _ *httpserver.Request) {
		assert.NoError(t, w.WriteHead(&httpserver.Head{Status: 200, ContentLength: -1}))
		assert.NoError(t, w.Write([]byte("x")))
		assert.NoError(t, w.Write([]byte("x")))
		assert.Equal(t, 1, tried)
		full = false
		c.bits.Or(unix.EPOLLOUT)
		assert.NoError(t, w.Write([]byte("x")))
		assert.Nil(t, c.out.spool)
	}, Options{})
	c, client := connect(t, r)
	failing(t, c.fd, func(call string) unix.Errno {
		if call == "read" {
			return 0
		}
		if tried++; full {
			return unix.EAGAIN
		}
		return 0
	})
	p := theThread(t, r)
	unix.Write(client, []byte(aRequest))
	driveNow(t, p, c, unix.EPOLLIN)
	assert.Equal(t, phaseHead, c.phase)
}

func TestAClientThatReadsFastTakesTurnsWithTheOthers(t *testing.T) {
	r := newTestReactor(t, nil, Options{})
	c, _ := connect(t, r)
	if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 64<<20); err != nil {
		t.Skip("only root makes a socket take so much: ", err)
	}
	c.out.spool = httpserver.NewSpool(4*sendTurn, "", nil)
	_, err := c.out.spool.Write(make([]byte, 3*sendTurn))
	require.NoError(t, err)
	c.phase = phaseFlush
	p := theThread(t, r)
	for turn := int64(1); c.phase == phaseFlush; turn++ {
		driveNow(t, p, c, unix.EPOLLOUT)
		if c.phase == phaseFlush {
			require.Equal(t, turn*sendTurn, c.out.sent)
			assert.Equal(t, 1, r.queue.size(), "the next turn does not come by itself")
			r.queue.pop(true)
		}
	}
	assert.Equal(t, phaseHead, c.phase)
}

func TestTimeToWaitIsRoundedUpAndDoesNotOverflow(t *testing.T) {
	for left, milliseconds := range map[time.Duration]int{
		-1: 0, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, forever - 1: math.MaxInt32, forever: math.MaxInt32,
	} {
		assert.Equal(t, milliseconds, pollTime(left), left)
	}
}

// stalled has the time of c be up, as it is after a stall of the process, and does what the sweeper would.
func stalled(t *testing.T, c *conn) *poller {
	t.Helper()
	p := c.r.newPoller(-1)
	c.deadline.Store(p.clock.now)
	p.clock.set(c.r)
	require.True(t, c.own.claim())
	require.True(t, c.overdue(p.clock.now))
	p.lastLook(c, true)
	p.letGo(c, c.served)
	return p
}

func TestWhatLiesInTheSocketAfterAStallOfTheProcessIsNotTooLate(t *testing.T) {
	for name, test := range map[string]struct{ before, after string }{
		"a request on an idle connection": {"", aRequest},
		"the rest of a head":              {aRequest[:20], aRequest[20:]},
		"the rest of the content": {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + longContent[:50000],
			longContent[50000:100000]},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestReactor(t, sayHello, Options{})
			c, client := connect(t, r)
			p := theThread(t, r)
			ask(c, client, aRequest)
			for p.next(0) {
			}
			require.Contains(t, received(client), content)
			ask(c, client, test.before)
			for p.next(0) {
			}
			unix.Write(client, []byte(test.after))
			stalled(t, c)
			for p.next(0) {
			}
			assert.Contains(t, received(client), content)
			assert.Equal(t, nobody, c.own.at())
		})
	}
}

func TestWhatHasNotComeWhenItsTimeIsUpIsTooLate(t *testing.T) {
	for name, test := range map[string]struct{ request, answer string }{
		"a request on an idle connection": {"", ""},
		"the rest of a head":              {aRequest[:20], " 408 "},
		"the rest of the content":         {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + longContent[:50000], " 408 "},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestReactor(t, sayHello, Options{})
			c, client := connect(t, r)
			p := theThread(t, r)
			ask(c, client, test.request)
			for p.next(0) {
			}
			stalled(t, c)
			assert.Contains(t, received(client), test.answer)
			assert.Contains(t, []phase{phaseClosed, phaseLinger}, c.phase)
		})
	}
}
