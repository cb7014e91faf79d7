package environ

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// trusting is a Config that believes the peer of get and 10.0.0.0/8, or whatever items say, about the host too.
func trusting(t *testing.T, items ...string) Config {
	t.Helper()
	if items == nil {
		items = []string{"192.0.2.7", "10.0.0.0/8", "2001:db8::/32"}
	}
	proxies, unix, err := ParseTrusted(items)
	require.NoError(t, err)
	return Config{TrustedProxies: proxies, TrustUnix: unix, Forwarded: DefaultForwarded | ForwardedHost}
}

func TestTheClientIsTheNearestHopThatIsNotTrusted(t *testing.T) {
	for _, tt := range []struct {
		name       string
		fields     []string // values of X-Forwarded-For
		addr, port string
	}{
		{"the peer when nothing was forwarded", nil, "192.0.2.7", "4711"},
		{"the peer when nothing is in the list", []string{"", " , ,"}, "192.0.2.7", "4711"},
		{"the only entry", []string{"198.51.100.1"}, "198.51.100.1", "-"},
		{"the last of several, the rest being the client's words", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1", "-"},
		{"beyond trusted ones", []string{"1.1.1.1, 198.51.100.1,10.1.2.3 , 10.0.0.1"}, "198.51.100.1", "-"},
		{"the leftmost when all are trusted", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3", "-"},
		{"all lines are one list", []string{"198.51.100.1", "10.0.0.2", "10.0.0.1"}, "198.51.100.1", "-"},
		{"empty elements are skipped", []string{"198.51.100.1,,", ",10.0.0.1,"}, "198.51.100.1", "-"},
		{"with its port", []string{"198.51.100.1:5000, 10.0.0.1:9"}, "198.51.100.1", "5000"},
		{"a trusted hop's port is not the client's", []string{"198.51.100.1, 10.0.0.1:9"}, "198.51.100.1", "-"},
		{"port zero is no port", []string{"198.51.100.1:0"}, "198.51.100.1", "-"},
		{"IPv6", []string{"2001:DB9::0001"}, "2001:db9::1", "-"},
		{"IPv6 in brackets", []string{"[2001:db9::1]"}, "2001:db9::1", "-"},
		{"IPv6 with a port", []string{"[2001:db9::1]:5000, [2001:db8::1]:4"}, "2001:db9::1", "5000"},
		{"IPv6 without its zone", []string{"fe80::1%eth0"}, "fe80::1", "-"},
		{"an IPv4 address mapped into IPv6", []string{"198.51.100.1, ::ffff:10.0.0.1"}, "198.51.100.1", "-"},
		{"the last good one before garbage", []string{"198.51.100.1, unknown, 10.0.0.2"}, "10.0.0.2", "-"},
		{"the peer before garbage at the end", []string{"198.51.100.1, _hidden"}, "192.0.2.7", "4711"},
		{"garbage before the client does not matter", []string{"<script>, 198.51.100.1"}, "198.51.100.1", "-"},
		{"an IPv4 address in brackets is garbage", []string{"[198.51.100.1]"}, "192.0.2.7", "4711"},
		{"half a bracket is garbage", []string{"["}, "192.0.2.7", "4711"},
		{"empty brackets are garbage", []string{"[]"}, "192.0.2.7", "4711"},
		{"a port out of range is garbage", []string{"198.51.100.1:65536"}, "192.0.2.7", "4711"},
		{"a very long entry is garbage", []string{"fe80::1%" + strings.Repeat("z", 100)}, "192.0.2.7", "4711"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := get("/", "X-Other: 8.8.8.8")
			for _, v := range tt.fields {
				r.Fields = append(r.Fields, get("/", "x-forwarded-FOR:"+v).Fields...)
			}
			want(t, build(t, trusting(t), r), "REMOTE_ADDR", tt.addr, "REMOTE_PORT", tt.port)
		})
	}
}

func TestForwardedSchemeAndHost(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields []string
		want   []string
	}{
		{"https moves the port to 443", []string{"Host: a.example", "X-Forwarded-Proto: https"},
			[]string{"wsgi.url_scheme", "https", "SERVER_PORT", "443", "SERVER_NAME", "203.0.113.5", "HTTP_HOST", "a.example"}},
		{"http moves the port to 80", []string{"Host: a.example", "X-Forwarded-Proto: http"},
			[]string{"wsgi.url_scheme", "http", "SERVER_PORT", "80"}},
		{"without a Host too", []string{"X-Forwarded-Proto: https"}, []string{"SERVER_PORT", "443", "HTTP_HOST", "-"}},
		{"the port of Host stands", []string{"Host: a.example:8443", "X-Forwarded-Proto: https"}, []string{"SERVER_PORT", "8443"}},
		{"case does not matter", []string{"X-Forwarded-Proto: HttpS"}, []string{"wsgi.url_scheme", "https"}},
		{"the last scheme counts", []string{"X-Forwarded-Proto: https", "X-Forwarded-Proto: https , http"}, []string{"wsgi.url_scheme", "http"}},
		{"other schemes are ignored", []string{"X-Forwarded-Proto: javascript"}, []string{"wsgi.url_scheme", "http", "SERVER_PORT", "8000"}},
		{"look-alikes of ASCII are ignored", []string{"X-Forwarded-Proto: http\u017f"}, []string{"wsgi.url_scheme", "http", "SERVER_PORT", "8000"}},
		{"an empty last scheme is ignored", []string{"X-Forwarded-Proto: https,"}, []string{"wsgi.url_scheme", "http"}},
		{"a host takes the place of Host", []string{"Host: in.example:8000", "X-Forwarded-Host: out.example"},
			[]string{"HTTP_HOST", "out.example", "SERVER_NAME", "out.example", "SERVER_PORT", "80"}},
		{"its default port goes by the scheme", []string{"X-Forwarded-Host: out.example", "X-Forwarded-Proto: https"}, []string{"SERVER_PORT", "443"}},
		{"its port is taken", []string{"X-Forwarded-Host: out.example:8443", "X-Forwarded-Proto: https"},
			[]string{"HTTP_HOST", "out.example:8443", "SERVER_NAME", "out.example", "SERVER_PORT", "8443"}},
		{"names may hold underscores", []string{"X-Forwarded-Host: my_app.example:81"}, []string{"SERVER_NAME", "my_app.example"}},
		{"the last host counts", []string{"X-Forwarded-Host: evil.example", "X-Forwarded-Host: evil.example, out.example"}, []string{"HTTP_HOST", "out.example"}},
		{"IPv6 keeps its brackets", []string{"X-Forwarded-Host: [2001:db8::1]:81"},
			[]string{"HTTP_HOST", "[2001:db8::1]:81", "SERVER_NAME", "[2001:db8::1]", "SERVER_PORT", "81"}},
		{"IPv6 without a port", []string{"X-Forwarded-Host: [2001:db8::1]"}, []string{"SERVER_NAME", "[2001:db8::1]", "SERVER_PORT", "80"}},
		{"they are ordinary fields all the same", []string{"X-Forwarded-Host: a, b", "X-Forwarded-Proto: https", "X-Forwarded-For: 1.1.1.1"},
			[]string{"HTTP_X_FORWARDED_HOST", "a, b", "HTTP_X_FORWARDED_PROTO", "https", "HTTP_X_FORWARDED_FOR", "1.1.1.1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want(t, build(t, trusting(t), get("/", tt.fields...)), tt.want...)
		})
	}
}

func TestAForwardedHostThatIsNoneIsIgnored(t *testing.T) {
	for _, host := range []string{
		"", "a b", "a/b", "user@a", "a:", "a:0", "a:+80", "[1::2:3", "a:65536", "a:b", ":80", "::1", "[::1", "::1]", "[", "[]", "[::1]80",
		"[::1%25lo]", "[10.0.0.1]", "\"a\"", "a\x00", "m\xfcller", "a?b", strings.Repeat("a", 254),
	} {
		t.Run(host, func(t *testing.T) {
			want(t, build(t, trusting(t), get("/", "Host: in.example", "X-Forwarded-Host: "+host)),
				"HTTP_HOST", "in.example", "SERVER_NAME", "203.0.113.5", "SERVER_PORT", "8000")
		})
	}
}

var everythingForwarded = []string{"Host: in.example", "X-Forwarded-For: 198.51.100.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: out.example"}

func TestAnUntrustedPeerIsNotBelieved(t *testing.T) {
	peer := []string{"REMOTE_ADDR", "192.0.2.7", "REMOTE_PORT", "4711", "wsgi.url_scheme", "http", "HTTP_HOST", "in.example",
		"SERVER_NAME", "203.0.113.5", "SERVER_PORT", "8000", "HTTP_X_FORWARDED_FOR", "198.51.100.1",
		"HTTP_X_FORWARDED_PROTO", "https", "HTTP_X_FORWARDED_HOST", "out.example"}
	for _, items := range [][]string{{""}, {"unix"}, {"192.0.2.8"}, {"10.0.0.0/8", "::/0"}} {
		t.Run(strings.Join(items, " "), func(t *testing.T) {
			want(t, build(t, trusting(t, items...), get("/", everythingForwarded...)), peer...)
		})
	}
}

func TestTheTrustedPeersAreBelieved(t *testing.T) {
	client := []string{"REMOTE_ADDR", "198.51.100.1", "REMOTE_PORT", "-", "wsgi.url_scheme", "https",
		"HTTP_HOST", "out.example", "SERVER_NAME", "out.example", "SERVER_PORT", "443"}
	for _, item := range []string{"192.0.2.7", "192.0.2.0/24", "::ffff:192.0.2.0/120", "*", "0.0.0.0/0"} {
		t.Run(item, func(t *testing.T) {
			if item == "*" || item == "0.0.0.0/0" { // then the leftmost is the client, here the only one
				want(t, build(t, trusting(t, item), get("/", everythingForwarded...)), client...)
				return
			}
			want(t, build(t, trusting(t, item), get("/", append(everythingForwarded, "X-Forwarded-For: 192.0.2.7")...)), client...)
		})
	}
}

func TestAPrefixOfMappedAddressesMatchesTheUnmappedPeer(t *testing.T) {
	c := Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.7/128")}}
	want(t, build(t, c, get("/", everythingForwarded...)), "REMOTE_ADDR", "198.51.100.1")
}

func TestPeersOnAUnixSocketAreBelievedWhenToldSo(t *testing.T) {
	r := overUnix(get("/", everythingForwarded...))
	want(t, build(t, trusting(t, "unix"), r), "REMOTE_ADDR", "198.51.100.1", "HTTP_HOST", "out.example", "wsgi.url_scheme", "https", "SERVER_PORT", "443")
	want(t, build(t, trusting(t, "*"), r), "REMOTE_ADDR", "198.51.100.1")
	want(t, build(t, trusting(t, "0.0.0.0/0", "::/0"), r), "REMOTE_ADDR", "", "REMOTE_PORT", "-", "HTTP_HOST", "in.example")
	want(t, build(t, trusting(t, "unix"), overUnix(get("/", "X-Forwarded-For: nobody"))), "REMOTE_ADDR", "", "REMOTE_PORT", "-")
}

func TestForwardedNamesWithUnderscoresAreNeverBelieved(t *testing.T) {
	c := trusting(t)
	c.HeaderMap = Allow
	got := build(t, c, get("/", "X_Forwarded_For: 198.51.100.1", "X_Forwarded_Proto: https", "X-Forwarded_Host: out.example"))
	want(t, got, "REMOTE_ADDR", "192.0.2.7", "wsgi.url_scheme", "http", "SERVER_NAME", "203.0.113.5",
		"HTTP_HOST", "-", "HTTP_X_FORWARDED_FOR", "198.51.100.1")
}
