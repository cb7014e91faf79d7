//go:build linux

package reactor

import (
	"bytes"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/httpserver"
)

func TestEveryCounterIsShownOnce(t *testing.T) {
	var s Stats
	fields := reflect.ValueOf(&s).Elem()
	for i := range fields.NumField() {
		fields.Field(i).Addr().Interface().(*atomic.Int64).Store(int64(i + 1))
	}
	shown := s.Snapshot()
	assert.Len(t, shown, fields.NumField())
	values, names := map[int64]bool{}, map[string]bool{}
	for _, stat := range shown {
		values[stat.Value], names[stat.Name] = true, true
		assert.Regexp(t, "^[a-z_]+$", stat.Name)
		assert.NotEmpty(t, stat.Help)
		assert.NotContains(t, stat.Help, ".")
		assert.Equal(t, stat.Name == "connections", stat.Gauge, stat.Name)
	}
	assert.Len(t, values, fields.NumField(), "a field is shown twice, and another one never")
	assert.Len(t, names, fields.NumField())
}

func TestWhatWasCountedIsLoggedInOneRecordAtTheEnd(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	r := newTestReactor(t, nil, Options{})
	r.o.Log = log
	server := r.NewServer(nil, httpserver.Options{})
	assert.NoError(t, server.Shutdown(t.Context()))
	assert.Empty(t, out.String(), "there is nothing to tell")
	r.stats.Requests.Store(7)
	r.stats.QueueAged.Store(2)
	assert.NoError(t, server.Shutdown(t.Context()))
	assert.Equal(t, 1, strings.Count(out.String(), "\n"))
	assert.Contains(t, out.String(), "requests=7 queue_aged=2\n")
}

func TestClientsAreCountedByAddressAndIPv6OnesByNetwork(t *testing.T) {
	for name, test := range map[string]struct{ a, b string }{
		"an IPv4 address is a client": {"192.0.2.1", "192.0.2.1"},
		"an IPv6 network is a client": {"2001:db8::1", "2001:db8::ffff:0:0:1"},
		"a zone makes no difference":  {"fe80::1%eth0", "fe80::2%eth1"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, addressKey(netip.MustParseAddr(test.a)), addressKey(netip.MustParseAddr(test.b)))
		})
	}
	assert.NotEqual(t, addressKey(netip.MustParseAddr("192.0.2.1")), addressKey(netip.MustParseAddr("192.0.2.2")))
	assert.NotEqual(t, addressKey(netip.MustParseAddr("2001:db8::1")), addressKey(netip.MustParseAddr("2001:db8:0:1::1")))
}

func TestTheCountOfAnAddressGoesWithItsConnections(t *testing.T) {
	var a addresses
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	assert.True(t, a.enter(one, 2))
	assert.True(t, a.enter(one, 2))
	assert.False(t, a.enter(one, 2))
	assert.True(t, a.enter(other, 2))
	a.leave(one)
	assert.True(t, a.enter(one, 2))
	for _, address := range []netip.Addr{one, one, other} {
		a.leave(address)
	}
	assert.Empty(t, a.open, "addresses without connections are kept")
}

func TestAddressesAreNotCountedWithoutALimit(t *testing.T) {
	r := newTestReactor(t, nil, Options{})
	c := &conn{r: r, remote: netip.MustParseAddrPort("192.0.2.1:80")}
	assert.True(t, r.admitAddress(c))
	assert.False(t, c.counted)
	assert.Nil(t, r.addresses.open)
}
