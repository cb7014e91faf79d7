//go:build linux

package reactor

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

func TestWhatWasCountedIsLoggedInOneRecordAtTheEnd(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	r := newTestReactor(t, nil, Options{})
	r.o.Log = log
	server := r.NewServer(nil, httpserver.Options{})
	assert.NoError(t, server.Shutdown(t.Context()))
	assert.Empty(t, out.String(), "there is nothing to tell")
	r.counters.TooLarge.Store(7)
	r.counters.QueueAged.Store(2)
	assert.NoError(t, server.Shutdown(t.Context()))
	assert.Equal(t, 1, strings.Count(out.String(), "\n"))
	assert.Contains(t, out.String(), "too_large=7 queue_aged=2\n")
}

func TestAddressesAreNotCountedWithoutALimit(t *testing.T) {
	r := newTestReactor(t, nil, Options{})
	c := &conn{r: r, remote: netip.MustParseAddrPort("192.0.2.1:80")}
	assert.True(t, r.admitAddress(c))
	assert.Zero(t, c.countedAs)
}
