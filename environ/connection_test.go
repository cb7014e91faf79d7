package environ

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheEndsOfTheConnection(t *testing.T) {
	for _, tt := range []struct {
		name, remote, local, scheme string
		want                        []string
	}{
		{"IPv4", "198.51.100.1:1234", "203.0.113.5:8000", "http",
			[]string{"REMOTE_ADDR", "198.51.100.1", "REMOTE_PORT", "1234", "SERVER_NAME", "203.0.113.5", "SERVER_PORT", "8000"}},
		{"IPv6 has brackets in the server's name", "[2001:db8::2]:1234", "[2001:db8::1]:8000", "http",
			[]string{"REMOTE_ADDR", "2001:db8::2", "REMOTE_PORT", "1234", "SERVER_NAME", "[2001:db8::1]", "SERVER_PORT", "8000"}},
		{"zones are left out", "[fe80::2%eth0]:1234", "[fe80::1%eth0]:8000", "http",
			[]string{"REMOTE_ADDR", "fe80::2", "SERVER_NAME", "[fe80::1]"}},
		{"https", "198.51.100.1:1234", "203.0.113.5:8443", "https",
			[]string{"wsgi.url_scheme", "https", "SERVER_PORT", "8443"}},
		{"a unix socket", "", "", "http",
			[]string{"REMOTE_ADDR", "", "REMOTE_PORT", "-", "SERVER_NAME", "localhost", "SERVER_PORT", "80", "wsgi.url_scheme", "http"}},
		{"https over a unix socket", "", "", "https",
			[]string{"SERVER_NAME", "localhost", "SERVER_PORT", "443", "wsgi.url_scheme", "https"}},
		{"a scheme that is not told", "", "", "", []string{"wsgi.url_scheme", "http", "SERVER_PORT", "80"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := overUnix(get("/"))
			r.Scheme = tt.scheme
			if tt.remote != "" {
				r.Remote, r.Local = netip.MustParseAddrPort(tt.remote), netip.MustParseAddrPort(tt.local)
			}
			want(t, build(t, Config{}, r), tt.want...)
		})
	}
}

func TestAPeerWithAZoneIsMatchedWithoutIt(t *testing.T) {
	r := get("/", "X-Forwarded-For: 198.51.100.1")
	r.Remote = netip.MustParseAddrPort("[fe80::2%eth0]:1234")
	want(t, build(t, trusting(t, "fe80::/10"), r), "REMOTE_ADDR", "198.51.100.1")
}

func TestTrustedProxiesAreRead(t *testing.T) {
	proxies, unix, err := ParseTrusted([]string{"10.1.2.3/8", " 192.0.2.7 ", "", "2001:db8::1", "::ffff:10.0.0.1", "::ffff:10.0.0.0/104"})
	require.NoError(t, err)
	assert.False(t, unix)
	var got []string
	for _, p := range proxies {
		got = append(got, p.String())
	}
	assert.Equal(t, []string{"10.0.0.0/8", "192.0.2.7/32", "2001:db8::1/128", "10.0.0.1/32", "10.0.0.0/8"}, got)

	proxies, unix, err = ParseTrusted([]string{"unix"})
	require.NoError(t, err)
	assert.True(t, unix)
	assert.Empty(t, proxies)
}

func TestEveryBadTrustedProxyIsNamed(t *testing.T) {
	bad := []string{"localhost", "10.0.0.0/33", "10.0.0", "10.0.0.1:80", "[::1]", "fe80::1%eth0", "::ffff:0:0/8", "10.0.0.1,10.0.0.2", "UNIX", "**"}
	proxies, unix, err := ParseTrusted(append([]string{"10.0.0.1", "unix"}, bad...))
	require.Error(t, err)
	assert.Empty(t, proxies)
	assert.False(t, unix)
	for _, item := range bad {
		assert.ErrorContains(t, err, `"`+item+`"`)
	}
	assert.NotContains(t, err.Error(), `"10.0.0.1"`)
	assert.NotContains(t, err.Error(), `"unix"`)
}
