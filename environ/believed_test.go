package environ

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// believing is trusting with another set of facts.
func believing(t *testing.T, items ...string) Config {
	t.Helper()
	c := trusting(t)
	facts, err := ParseForwarded(items)
	require.NoError(t, err)
	c.Forwarded = facts
	return c
}

// everyFact is what a client can put into a request that a proxy passes on as it came.
var everyFact = []string{"Host: in.example:8000", "X-Forwarded-For: 198.51.100.1", "X-Forwarded-Proto: https",
	"X-Forwarded-Host: evil.example", "X-Forwarded-Port: 8443", "X-Forwarded-Prefix: /evil",
	"Forwarded: for=203.0.113.99;proto=https;host=evil.example"}

func TestAProxyIsBelievedAboutClientAndSchemeOnlyUnlessToldOtherwise(t *testing.T) {
	c := trusting(t)
	c.Forwarded = 0
	want(t, build(t, c, get("/", everyFact...)), "REMOTE_ADDR", "198.51.100.1", "wsgi.url_scheme", "https",
		"HTTP_HOST", "in.example:8000", "SERVER_NAME", "203.0.113.5", "SERVER_PORT", "8000", "SCRIPT_NAME", "",
		"HTTP_X_FORWARDED_HOST", "evil.example", "HTTP_FORWARDED", "for=203.0.113.99;proto=https;host=evil.example")
}

func TestEachFactIsBelievedByItself(t *testing.T) {
	for _, tt := range []struct {
		facts string
		want  []string
	}{
		{"for", []string{"REMOTE_ADDR", "198.51.100.1", "wsgi.url_scheme", "http", "HTTP_HOST", "in.example:8000", "SERVER_PORT", "8000"}},
		{"proto", []string{"REMOTE_ADDR", "192.0.2.7", "wsgi.url_scheme", "https", "HTTP_HOST", "in.example:8000", "SERVER_PORT", "8000"}},
		{"host", []string{"REMOTE_ADDR", "192.0.2.7", "wsgi.url_scheme", "http", "HTTP_HOST", "evil.example", "SERVER_PORT", "80"}},
		{"port", []string{"REMOTE_ADDR", "192.0.2.7", "wsgi.url_scheme", "http", "HTTP_HOST", "in.example:8443", "SERVER_PORT", "8443"}},
		{"prefix", []string{"REMOTE_ADDR", "192.0.2.7", "HTTP_HOST", "in.example:8000", "SCRIPT_NAME", "/evil"}},
		{"proto,host,port", []string{"wsgi.url_scheme", "https", "HTTP_HOST", "evil.example:8443", "SERVER_NAME", "evil.example", "SERVER_PORT", "8443"}},
		{"forwarded", []string{"REMOTE_ADDR", "203.0.113.99", "wsgi.url_scheme", "https", "HTTP_HOST", "evil.example", "SERVER_PORT", "443"}},
		{"forwarded,port", []string{"HTTP_HOST", "evil.example:8443", "SERVER_PORT", "8443"}},
	} {
		t.Run(tt.facts, func(t *testing.T) {
			want(t, build(t, believing(t, strings.Split(tt.facts, ",")...), get("/", everyFact...)), tt.want...)
		})
	}
}

func TestAForwardedPort(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields []string
		want   []string
	}{
		{"the scheme's own is left out of Host", []string{"Host: a.example:8000", "X-Forwarded-Proto: https", "X-Forwarded-Port: 443"},
			[]string{"HTTP_HOST", "a.example", "SERVER_PORT", "443"}},
		{"the last counts", []string{"Host: a.example", "X-Forwarded-Port: 1, 2", "X-Forwarded-Port: 3, 81"},
			[]string{"HTTP_HOST", "a.example:81", "SERVER_PORT", "81"}},
		{"without a Host", []string{"X-Forwarded-Port: 81"}, []string{"HTTP_HOST", "-", "SERVER_PORT", "81"}},
		{"zero is not a port", []string{"Host: a.example", "X-Forwarded-Port: 0"}, []string{"HTTP_HOST", "a.example", "SERVER_PORT", "8000"}},
		{"a sign is not a digit", []string{"Host: a.example", "X-Forwarded-Port: +81"}, []string{"HTTP_HOST", "a.example"}},
		{"out of range", []string{"Host: a.example", "X-Forwarded-Port: 65536"}, []string{"HTTP_HOST", "a.example"}},
		{"IPv6", []string{"Host: [2001:db8::1]", "X-Forwarded-Port: 81"}, []string{"HTTP_HOST", "[2001:db8::1]:81"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want(t, build(t, believing(t, "proto", "port"), get("/", tt.fields...)), tt.want...)
		})
	}
}

func TestAForwardedPrefixStandsInFrontOfTheScriptName(t *testing.T) {
	for _, tt := range []struct{ prefix, want string }{
		{"/api", "/api"}, {"/api/", "/api"}, {"/a/b", "/a/b"}, {"/evil, /api", "/api"}, {"/caf%C3%A9", "/caf\xc3\xa9"}, {"/a%20b", "/a b"},
		{"", ""}, {"/", ""}, {"api", ""}, {"//evil.example", ""}, {"/%2Fevil.example", ""}, {"/\\evil.example", ""}, {"%2Fapi", ""},
		{"/a%0d%0ab", ""}, {"/a?b", ""}, {"/a#b", ""}, {"/a b", ""}, {"https://evil.example", ""}, {"/" + strings.Repeat("a", 2000), ""},
	} {
		t.Run(tt.prefix, func(t *testing.T) {
			c := believing(t, "prefix")
			got := build(t, c, get("/x", "X-Forwarded-Prefix: "+tt.prefix))
			want(t, got, "SCRIPT_NAME", tt.want, "PATH_INFO", "/x")
			c.ScriptName = "/shop"
			want(t, build(t, c, get("/x", "X-Forwarded-Prefix: "+tt.prefix)), "SCRIPT_NAME", tt.want+"/shop", "PATH_INFO", "/x")
			c.ScriptName, c.Mount = "", "/shop"
			want(t, build(t, c, get("/shop/x", "X-Forwarded-Prefix: "+tt.prefix)), "SCRIPT_NAME", tt.want+"/shop", "PATH_INFO", "/x")
		})
	}
	want(t, build(t, believing(t, "prefix"), get("/x")), "SCRIPT_NAME", "")
	untrusted := trusting(t, "10.0.0.1")
	untrusted.Forwarded = ForwardedPrefix
	want(t, build(t, untrusted, get("/x", "X-Forwarded-Prefix: /evil")), "SCRIPT_NAME", "")
}

func TestAScriptNameWhoseProxyHasTakenItOffThePath(t *testing.T) {
	c := Config{ScriptName: "/shop"}
	for _, path := range []string{"/x", "/shop/x", "/"} {
		want(t, build(t, c, get(path)), "SCRIPT_NAME", "/shop", "PATH_INFO", path, "REQUEST_URI", path)
	}
	_, err := NewBuilder(Config{ScriptName: "/a", Mount: "/b"})
	require.ErrorContains(t, err, "exclude each other")
	_, err = NewBuilder(Config{ScriptName: "a"})
	require.ErrorContains(t, err, `script name "a"`)
}

func TestTheStandardField(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   []string
	}{
		{"an address", []string{"for=198.51.100.1"}, []string{"REMOTE_ADDR", "198.51.100.1", "REMOTE_PORT", "-", "wsgi.url_scheme", "http"}},
		{"with a port", []string{`for="198.51.100.1:5000"`}, []string{"REMOTE_ADDR", "198.51.100.1", "REMOTE_PORT", "5000"}},
		{"IPv6", []string{`For="[2001:db9::1]:5000"; Proto=HTTPS`}, []string{"REMOTE_ADDR", "2001:db9::1", "REMOTE_PORT", "5000", "wsgi.url_scheme", "https"}},
		{"only what trusted hops wrote counts", []string{"for=6.6.6.6;host=evil.example;proto=https, for=198.51.100.1, for=10.0.0.1"},
			[]string{"REMOTE_ADDR", "198.51.100.1", "HTTP_HOST", "in.example", "wsgi.url_scheme", "http"}},
		{"the outermost trusted hop knows best", []string{"for=198.51.100.1;proto=https;host=shop.example, for=10.0.0.1;proto=http;host=inner"},
			[]string{"REMOTE_ADDR", "198.51.100.1", "HTTP_HOST", "shop.example", "wsgi.url_scheme", "https", "SERVER_PORT", "443"}},
		{"a hop that says nothing of the scheme leaves it to the others", []string{"for=198.51.100.1, for=10.0.0.1;proto=https"},
			[]string{"REMOTE_ADDR", "198.51.100.1", "wsgi.url_scheme", "https"}},
		{"all lines are one list", []string{"for=198.51.100.1;proto=https", "for=10.0.0.1, for=10.0.0.2"},
			[]string{"REMOTE_ADDR", "198.51.100.1", "wsgi.url_scheme", "https"}},
		{"by and extensions do not matter", []string{`by=_x;secret="a, b";for=198.51.100.1`}, []string{"REMOTE_ADDR", "198.51.100.1"}},
		{"empty elements are skipped", []string{", for=198.51.100.1;, ,"}, []string{"REMOTE_ADDR", "198.51.100.1"}},
		{"an unknown client is the hop that says so", []string{"for=unknown;proto=https, for=10.0.0.9"}, []string{"REMOTE_ADDR", "10.0.0.9", "wsgi.url_scheme", "https"}},
		{"a hidden one too", []string{"for=198.51.100.1, for=_hidden"}, []string{"REMOTE_ADDR", "192.0.2.7"}},
		{"an element without an address ends the way", []string{"for=198.51.100.1, proto=https"}, []string{"REMOTE_ADDR", "192.0.2.7", "wsgi.url_scheme", "https"}},
		{"a host with its port", []string{`for=198.51.100.1;host="shop.example:8443"`}, []string{"HTTP_HOST", "shop.example:8443", "SERVER_PORT", "8443"}},
		{"a host that is none", []string{`for=198.51.100.1;host="a/b"`}, []string{"HTTP_HOST", "in.example"}},
		{"a scheme that is none", []string{`for=198.51.100.1;proto=gopher`}, []string{"wsgi.url_scheme", "http"}},
		{"X-Forwarded-For does not count beside it", nil, []string{"REMOTE_ADDR", "192.0.2.7", "wsgi.url_scheme", "http"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fields := []string{"Host: in.example", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"}
			for _, value := range tt.values {
				fields = append(fields, "Forwarded: "+value)
			}
			want(t, build(t, believing(t, "forwarded"), get("/", fields...)), tt.want...)
		})
	}
}

// A client that leaves a quote open must not be able to speak for the proxy that appends to its field.
func TestAStandardFieldThatIsMalformedIsNotBelieved(t *testing.T) {
	for _, value := range []string{
		`for="6.6.6.6, for=198.51.100.1;proto=https`, `for=6.6.6.6;x=", for="198.51.100.1"`, `for=6.6.6.6;x="a\", for=198.51.100.1"`,
		`for=6.6.6.6 for=198.51.100.1`, `for`, `for=`, `=6.6.6.6`, `for=6.6.6.6;for=198.51.100.1`, `for="6.6.6.6"x`, `fo r=6.6.6.6`,
		`"for"=6.6.6.6`, strings.Repeat("for=10.0.0.1,", 65) + "for=6.6.6.6",
	} {
		t.Run(value, func(t *testing.T) {
			want(t, build(t, believing(t, "forwarded"), get("/", "Host: in.example", "Forwarded: "+value)),
				"REMOTE_ADDR", "192.0.2.7", "wsgi.url_scheme", "http", "HTTP_HOST", "in.example")
		})
	}
	want(t, build(t, believing(t, "forwarded"), get("/", `Forwarded: for="6.6.6.6`, "Forwarded: for=198.51.100.1, for=10.0.0.1")),
		"REMOTE_ADDR", "198.51.100.1")
}

func TestForwardedFactsAreRead(t *testing.T) {
	for _, tt := range []struct {
		items []string
		want  Forwarded
	}{
		{nil, ForwardedFor | ForwardedProto},
		{[]string{"for"}, ForwardedFor},
		{[]string{" host", "prefix ", "port"}, ForwardedHost | ForwardedPort | ForwardedPrefix},
		{[]string{"forwarded", "prefix"}, ForwardedStandard | ForwardedPrefix},
	} {
		got, err := ParseForwarded(tt.items)
		require.NoError(t, err)
		assert.Equal(t, tt.want, got)
	}
	assert.Equal(t, "for,proto", DefaultForwarded.String())
	_, err := ParseForwarded([]string{"For", "x-forwarded-host", "proto", ""})
	for _, bad := range []string{`"For"`, `"x-forwarded-host"`, `""`} {
		assert.ErrorContains(t, err, bad)
	}
	_, err = ParseForwarded([]string{"forwarded", "for", "proto"})
	assert.ErrorContains(t, err, `"forwarded" and "for,proto" exclude each other`)
}

// FuzzStandardField looks for a client that speaks for a proxy: whatever the client has sent, what the proxy appends
// to the same field is the nearest hop, or nothing counts.
func FuzzStandardField(f *testing.F) {
	for _, client := range []string{`for=6.6.6.6`, `for="6.6.6.6`, `x="`, `x="\`, `for=6.6.6.6;`, `,`, `x="a\"`, `proto=https;host=evil`, ``} {
		f.Add(client)
	}
	f.Fuzz(func(t *testing.T, client string) {
		c := trusting(t)
		c.Forwarded = ForwardedStandard
		for _, own := range []string{"for=198.51.100.1;proto=http", `for="198.51.100.1";proto="http"`} {
			r := get("/", "Host: in.example")
			r.Fields = append(r.Fields, get("/", "Forwarded: x").Fields[0])
			r.Fields[1].Value = []byte(client + ", " + own)
			got := build(t, c, r)
			assert.Contains(t, []string{"198.51.100.1", "192.0.2.7"}, got["REMOTE_ADDR"])
			assert.Equal(t, "in.example", got["HTTP_HOST"])
			assert.Equal(t, "http", got["wsgi.url_scheme"])
		}
	})
}
