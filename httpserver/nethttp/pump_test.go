package nethttp

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

// slowClient takes what a pump sends when it is let to.
type slowClient struct {
	mu      sync.Mutex
	got     bytes.Buffer
	flushed int
	turns   chan error // one for each piece; closed: all
	waits   chan bool
}

func (c *slowClient) pump(limit int64, create func() *httpserver.Spool) *pump {
	p := &pump{write: c.write, flush: c.flush, limit: limit, create: create, trouble: func(error) {}}
	p.start()
	return p
}

func (c *slowClient) write(p []byte) error {
	c.waits <- true
	if err := <-c.turns; err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got.Write(p)
	return nil
}

func (c *slowClient) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushed = c.got.Len()
	return nil
}

func newSlowClient() *slowClient {
	return &slowClient{turns: make(chan error), waits: make(chan bool, 1000)}
}

func inMemory() *httpserver.Spool { return httpserver.NewSpool(1<<20, "", nil) }

func TestAPumpTakesContentWhileItsClientDoesNot(t *testing.T) {
	c := newSlowClient()
	p := c.pump(1<<20, inMemory)
	want := bytes.Repeat([]byte("0123456789"), 10_000)
	for i := range 10 {
		assert.NoError(t, p.put(want[i*10_000:(i+1)*10_000]))
	}
	close(c.turns)
	assert.NoError(t, p.finish())
	assert.Equal(t, want, c.got.Bytes())
	assert.Equal(t, len(want), c.flushed)
}

func TestAPumpWaitsWhenTooMuchIsLeft(t *testing.T) {
	c := newSlowClient()
	p := c.pump(10, inMemory)
	assert.NoError(t, p.put(make([]byte, 100))) // one piece may go over it
	put := make(chan error)
	go func() { put <- p.put([]byte("more")) }()
	<-c.waits
	select {
	case <-put:
		assert.Fail(t, "it did not wait")
	default:
	}
	c.turns <- nil
	assert.NoError(t, <-put)
	close(c.turns)
	assert.NoError(t, p.finish())
	assert.Equal(t, 104, c.got.Len())
}

func TestAPumpWithoutRoomMakesContentSlowerAndNeverShorter(t *testing.T) {
	for name, create := range map[string]func() *httpserver.Spool{
		"the disk has a bound": func() *httpserver.Spool { return httpserver.NewSpool(1000, t.TempDir(), httpserver.NewBudget(5000)) },
		"there is no folder":   func() *httpserver.Spool { return httpserver.NewSpool(1000, "/nonexistent", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newSlowClient()
			close(c.turns)
			p := c.pump(1<<20, create)
			var want []byte
			for i := range 20 {
				piece := bytes.Repeat([]byte{byte(i)}, 3000)
				want = append(want, piece...)
				assert.NoError(t, p.put(piece))
			}
			assert.NoError(t, p.finish())
			assert.Equal(t, want, c.got.Bytes())
		})
	}
}

func TestAPumpReportsThatItsClientHasGone(t *testing.T) {
	gone := errors.New("gone")
	c := newSlowClient()
	p := c.pump(10, inMemory)
	assert.NoError(t, p.put(make([]byte, 100)))
	put := make(chan error)
	go func() { put <- p.put([]byte("more")) }()
	c.turns <- gone
	assert.ErrorIs(t, <-put, gone)
	assert.ErrorIs(t, p.put([]byte("x")), gone)
	assert.ErrorIs(t, p.failure(), gone)
	assert.ErrorIs(t, p.finish(), gone)
	assert.Nil(t, p.left)
}
