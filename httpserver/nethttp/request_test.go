package nethttp

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

// seen is a copy of what a handler may not keep.
type seen struct {
	httpserver.Request
	Method, Target, Host, Content string
	Fields                        [][2]string
	Seekable                      bool
}

// recorder returns a handler that answers "ok" and passes on what it saw.
func recorder() (httpserver.Handler, <-chan seen) {
	requests := make(chan seen, 100)
	return serveFunc(func(w httpserver.ResponseWriter, r *httpserver.Request) {
		s := seen{Request: *r, Method: string(r.Method), Target: string(r.Target), Host: string(r.Host)}
		for _, f := range r.Fields {
			s.Fields = append(s.Fields, [2]string{string(f.Name), string(f.Value)})
		}
		if r.Body != nil {
			_, s.Seekable = r.Body.(io.Seeker)
			content, err := io.ReadAll(r.Body)
			s.Content = string(content)
			if err != nil {
				s.Content = err.Error()
			}
		}
		requests <- s
		answer(w, "ok")
	}), requests
}

func TestTheRequestArrivesAsItWasSent(t *testing.T) {
	h, requests := recorder()
	ts := start(t, h, setup{})
	for _, c := range []struct {
		name, request        string
		method, target, host string
		proto                string
		fields               [][2]string
	}{
		{
			name:    "target, query and values keep their bytes",
			request: lines("GET //a/%2f/../b%20c?x=%zz&y;z HTTP/1.1", "Host: Example.ORG:80", "x-latin: caf\xe9", "X-Empty:", "Connection: close", "", ""),
			method:  "GET", target: "//a/%2f/../b%20c?x=%zz&y;z", host: "Example.ORG:80", proto: "HTTP/1.1",
			fields: [][2]string{{"Host", "Example.ORG:80"}, {"Connection", "close"}, {"X-Empty", ""}, {"X-Latin", "caf\xe9"}},
		},
		{
			name:    "repeated fields keep their order",
			request: lines("GET / HTTP/1.1", "Host: a", "Cookie: 2", "Cookie: 1", "Connection: close", "", ""),
			method:  "GET", target: "/", host: "a", proto: "HTTP/1.1",
			fields: [][2]string{{"Host", "a"}, {"Connection", "close"}, {"Cookie", "2"}, {"Cookie", "1"}},
		},
		{
			name:    "1.0 without Host",
			request: "GET / HTTP/1.0\r\n\r\n",
			method:  "GET", target: "/", proto: "HTTP/1.0",
		},
		{
			name:    "the asterisk form reaches the application",
			request: lines("OPTIONS * HTTP/1.1", "Host: a", "Connection: close", "", ""),
			method:  "OPTIONS", target: "*", host: "a", proto: "HTTP/1.1",
			fields: [][2]string{{"Host", "a"}, {"Connection", "close"}},
		},
		{
			name:    "the absolute form names the host",
			request: lines("GET http://b:81/x HTTP/1.1", "Host: a", "Connection: close", "", ""),
			method:  "GET", target: "http://b:81/x", host: "b:81", proto: "HTTP/1.1",
			fields: [][2]string{{"Host", "b:81"}, {"Connection", "close"}},
		},
		{
			name:    "a method of its own, in lower case",
			request: lines("purge /x HTTP/1.1", "Host: a", "Connection: close", "", ""),
			method:  "purge", target: "/x", host: "a", proto: "HTTP/1.1",
			fields: [][2]string{{"Host", "a"}, {"Connection", "close"}},
		},
		{
			name:    "a length of nothing is kept as it was sent",
			request: lines("POST / HTTP/1.1", "Host: a", "Content-Length: 0", "Connection: close", "", ""),
			method:  "POST", target: "/", host: "a", proto: "HTTP/1.1",
			fields: [][2]string{{"Host", "a"}, {"Connection", "close"}, {"Content-Length", "0"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Contains(t, ts.exchange(c.request), " 200 OK\r\n")
			got := wait(t, requests)
			assert.Equal(t, c.method, got.Method)
			assert.Equal(t, c.target, got.Target)
			assert.Equal(t, c.host, got.Host)
			assert.Equal(t, c.proto, got.Proto)
			assert.Equal(t, c.fields, got.Fields)
			assert.Equal(t, "http", got.Scheme)
			assert.Nil(t, got.Body)
			assert.Zero(t, got.ContentLength)
		})
	}
}

func TestARequestKnowsItsConnection(t *testing.T) {
	h, requests := recorder()
	t.Run("over TCP", func(t *testing.T) {
		ts := start(t, h, setup{})
		c := ts.dial()
		exchangeOn(t, c, "GET / HTTP/1.0\r\n\r\n")
		got := wait(t, requests)
		assert.Equal(t, c.LocalAddr().String(), got.Remote.String())
		assert.Equal(t, ts.addr, got.Local.String())
		assert.False(t, got.Arrived.IsZero())
	})
	t.Run("over a listener for IPv4 and IPv6, unmapped", func(t *testing.T) {
		ts := start(t, h, setup{bind: ":0"})
		ts.addr = "127.0.0.1:" + ts.addr[strings.LastIndexByte(ts.addr, ':')+1:]
		ts.exchange("GET / HTTP/1.0\r\n\r\n")
		got := wait(t, requests)
		assert.True(t, got.Remote.Addr().Is4(), got.Remote)
		assert.Equal(t, ts.addr, got.Local.String())
		assert.Equal(t, "127.0.0.1", ts.nextAccess().Remote)
	})
	t.Run("over a unix socket, without addresses", func(t *testing.T) {
		ts := start(t, h, setup{bind: "unix:" + socketPath(t)})
		ts.exchange("GET / HTTP/1.0\r\n\r\n")
		got := wait(t, requests)
		assert.Zero(t, got.Remote)
		assert.Zero(t, got.Local)
		assert.Empty(t, ts.nextAccess().Remote)
	})
}

func TestTheRequestIDIsOnlyTakenFromTrustedPeers(t *testing.T) {
	trustLoopback := func(a netip.Addr) bool { return a.IsLoopback() }
	for _, c := range []struct {
		name, fields string
		trust        func(netip.Addr) bool
		want         string // "" for a generated one
	}{
		{name: "by default nobody", fields: "X-Request-ID: mine\r\n"},
		{name: "trusted", fields: "X-Request-ID: mine\r\n", trust: trustLoopback, want: "mine"},
		{name: "another peer", fields: "X-Request-ID: mine\r\n", trust: func(netip.Addr) bool { return false }},
		{name: "trusted but not sent", trust: trustLoopback},
		{name: "trusted but with a space", fields: "X-Request-ID: mi ne\r\n", trust: trustLoopback},
		{name: "trusted but twice", fields: "X-Request-ID: a\r\nX-Request-ID: b\r\n", trust: trustLoopback},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, requests := recorder()
			ts := start(t, h, setup{Options: httpserver.Options{TrustRequestID: c.trust}})
			ts.exchange("GET / HTTP/1.0\r\n" + c.fields + "\r\n")
			got := wait(t, requests).ID
			assert.Equal(t, got, ts.nextAccess().RequestID)
			if c.want == "" {
				assert.Regexp(t, "^[0-9a-f]{20}$", got)
			} else {
				assert.Equal(t, c.want, got)
			}
		})
	}
}

func TestTheHandlerWorksUnderAnyHTTPServer(t *testing.T) {
	h, requests := recorder()
	d := oneThread(t)
	mux := http.NewServeMux()
	mux.Handle("/py/", http.StripPrefix("/py", NewHandler(h, d, httpserver.Options{}, httpserver.Limits{})))
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	res, err := server.Client().Post(server.URL+"/py/x?y", "text/plain", strings.NewReader("content"))
	require.NoError(t, err)
	content, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, "ok", string(content))
	got := wait(t, requests)
	assert.Equal(t, "/py/x?y", got.Target)
	assert.Equal(t, "https", got.Scheme)
	assert.Equal(t, "content", got.Content)
	assert.True(t, got.Remote.Addr().IsLoopback())
	assert.Equal(t, strings.TrimPrefix(server.URL, "https://"), got.Local.String())
}

func TestTheHandlerWorksWithoutAServer(t *testing.T) {
	h, requests := recorder()
	d := oneThread(t)
	rec := httptest.NewRecorder()
	hr, err := http.NewRequest("POST", "http://host/x?y", io.MultiReader(strings.NewReader("content")))
	require.NoError(t, err)
	NewHandler(h, d, httpserver.Options{}, httpserver.Limits{}).ServeHTTP(rec, hr)
	assert.Equal(t, "ok", rec.Body.String())
	got := wait(t, requests)
	assert.Equal(t, "/x?y", got.Target)
	assert.Equal(t, "content", got.Content)
	assert.EqualValues(t, 7, got.ContentLength)
}

func TestReuseOfARequestsMemoryDoesNotMixRequests(t *testing.T) {
	h, requests := recorder()
	ts := start(t, h, setup{})
	long := strings.Repeat("x", 40_000)
	for range 20 {
		for _, path := range []string{"/a", "/" + long, "/b?c"} {
			ts.exchange("GET " + path + " HTTP/1.0\r\nX-A: " + path + "\r\n\r\n")
			got := wait(t, requests)
			assert.Equal(t, path, got.Target)
			assert.Equal(t, [][2]string{{"X-A", path}}, got.Fields)
		}
	}
}
