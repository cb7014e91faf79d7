package environ

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

// get is a request for "GET target" with the given "Name: value" fields, over TCP from 192.0.2.7:4711
// to 203.0.113.5:8000.
func get(target string, fields ...string) *httpserver.Request {
	r := &httpserver.Request{
		ID: "r1", Method: []byte("GET"), Target: []byte(target), Proto: "HTTP/1.1", Scheme: "http",
		Remote: netip.MustParseAddrPort("192.0.2.7:4711"), Local: netip.MustParseAddrPort("203.0.113.5:8000"),
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ":")
		value = strings.TrimSpace(value)
		r.Fields = append(r.Fields, httpserver.Field{Name: []byte(name), Value: []byte(value)})
		if strings.EqualFold(name, "host") && len(r.Host) == 0 {
			r.Host = []byte(value)
		}
	}
	return r
}

// overUnix makes r one that came over a unix socket.
func overUnix(r *httpserver.Request) *httpserver.Request {
	r.Remote, r.Local = netip.AddrPort{}, netip.AddrPort{}
	return r
}

// build returns the variables of r, each of which has to come once.
func build(t *testing.T, c Config, r *httpserver.Request) map[string]string {
	t.Helper()
	bd, err := NewBuilder(c)
	require.NoError(t, err)
	var b Block
	require.NoError(t, bd.Build(&b, r))
	return vars(t, &b)
}

func vars(t *testing.T, b *Block) map[string]string {
	t.Helper()
	m := make(map[string]string)
	for name, value := range b.All() {
		require.NotContains(t, m, name, "a name stands twice")
		m[name] = string(value)
	}
	return m
}

// buildError returns the error for r, which has to leave the block empty.
func buildError(t *testing.T, c Config, r *httpserver.Request) error {
	t.Helper()
	bd, err := NewBuilder(c)
	require.NoError(t, err)
	b := Block{buf: []byte("left from before")}
	err = bd.Build(&b, r)
	require.Error(t, err)
	assert.Empty(t, b.Bytes())
	return err
}

func requireBadRequest(t *testing.T, err error) {
	t.Helper()
	var bad *BadRequestError
	require.ErrorAs(t, err, &bad)
	assert.NotEmpty(t, bad.Reason)
	assert.Contains(t, err.Error(), bad.Reason)
}

// want checks the named variables; "-" stands for one that must not be there.
func want(t *testing.T, got map[string]string, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		value, ok := got[pairs[i]]
		if pairs[i+1] == "-" {
			assert.False(t, ok, "%s must be absent, is %q", pairs[i], value)
			continue
		}
		assert.True(t, ok, "%s is missing", pairs[i])
		assert.Equal(t, pairs[i+1], value, pairs[i])
	}
}

func TestAPlainRequestHasExactlyTheseVariables(t *testing.T) {
	got := build(t, Config{Software: "pyserve/0.1.0"}, get("/a%20b?x=%20", "Host: example.org:8000", "User-Agent: curl", "X-Own: 1"))
	assert.Equal(t, map[string]string{
		"REQUEST_METHOD":     "GET",
		"SCRIPT_NAME":        "",
		"PATH_INFO":          "/a b",
		"QUERY_STRING":       "x=%20",
		"REQUEST_URI":        "/a%20b?x=%20",
		"RAW_URI":            "/a%20b?x=%20",
		"SERVER_NAME":        "203.0.113.5",
		"SERVER_PORT":        "8000",
		"SERVER_PROTOCOL":    "HTTP/1.1",
		"SERVER_SOFTWARE":    "pyserve/0.1.0",
		"REMOTE_ADDR":        "192.0.2.7",
		"REMOTE_PORT":        "4711",
		"wsgi.url_scheme":    "http",
		"pyserve.request_id": "r1",
		"HTTP_HOST":          "example.org:8000",
		"HTTP_USER_AGENT":    "curl",
		"HTTP_X_OWN":         "1",
	}, got)
}

func TestTheZeroConfigNamesTheServerAllTheSame(t *testing.T) {
	want(t, build(t, Config{}, get("/")), "SERVER_SOFTWARE", "pyserve", "SCRIPT_NAME", "")
}

func TestBytesOfRequestsArePassedAsTheyAre(t *testing.T) {
	r := get("/\xff\x00%e9?\xe9", "X-Latin: gr\xfc\xdfe")
	r.Method = []byte("pRoPfind")
	r.Proto = "HTTP/1.0"
	want(t, build(t, Config{}, r),
		"PATH_INFO", "/\xff\x00\xe9", "QUERY_STRING", "\xe9", "HTTP_X_LATIN", "gr\xfc\xdfe",
		"REQUEST_METHOD", "pRoPfind", "SERVER_PROTOCOL", "HTTP/1.0")
}

func TestNewBuilderNamesEveryFaultInTheConfig(t *testing.T) {
	_, err := NewBuilder(Config{Mount: "app", HeaderMap: 7, TrustedProxies: []netip.Prefix{{}}})
	require.Error(t, err)
	assert.ErrorContains(t, err, `mount "app": must start with "/"`)
	assert.ErrorContains(t, err, "HeaderMap(7)")
	assert.ErrorContains(t, err, "invalid Prefix")

	_, err = NewBuilder(Config{Mount: "/app/"})
	assert.ErrorContains(t, err, `mount "/app/": must not end in "/"`)
}
