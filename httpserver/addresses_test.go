package httpserver

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

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
	var a Addresses
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	assert.True(t, a.admit(one, 2))
	assert.True(t, a.admit(one, 2))
	assert.False(t, a.admit(one, 2))
	assert.True(t, a.admit(other, 2))
	a.Leave(one)
	assert.True(t, a.admit(one, 2))
	for _, address := range []netip.Addr{one, one, other} {
		a.Leave(address)
	}
	assert.Empty(t, a.open, "addresses without connections are kept")
}
