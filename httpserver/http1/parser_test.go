package http1_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver/http1"
)

// hello is a browser's request for a small page, with ten fields.
const hello = "GET /hello?name=world HTTP/1.1\r\n" +
	"Host: www.example.com\r\n" +
	"Connection: keep-alive\r\n" +
	"Cache-Control: max-age=0\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Accept-Language: en-GB,en;q=0.5\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef\r\n" +
	"DNT: 1\r\n\r\n"

const upload = "POST /upload HTTP/1.1\r\nHost: [2001:db8::1]:8000\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"

func TestParsingAllocatesNothing(t *testing.T) {
	for name, request := range map[string]string{"a page": hello, "an upload to an IPv6 address": upload} {
		t.Run(name, func(t *testing.T) {
			buf := []byte(request)
			var parser http1.Parser
			var head http1.Head
			allocs := testing.AllocsPerRun(100, func() {
				for _, end := range []int{1, 20, 40, len(buf)} {
					if _, err := parser.Parse(buf[:end], nil, &head); err != nil {
						t.Fatal(err)
					}
				}
			})
			assert.Zero(t, allocs)
		})
	}
}

func TestARefusalAllocatesNothing(t *testing.T) {
	buf := []byte("GET /a#b HTTP/1.1\r\n\r\n")
	var parser http1.Parser
	var head http1.Head
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		parser.Reset()
		if _, err := parser.Parse(buf, nil, &head); err == nil {
			t.Fatal("accepted")
		}
	}))
}

func TestLimitsAreExact(t *testing.T) {
	for _, test := range []struct {
		name    string
		limits  http1.Limits
		largest string // passes; one byte or field more at the place of the | does not
		more    string
		status  int
	}{
		{"the target", http1.Limits{Target: 4}, "GET /abc| HTTP/1.1\r\nHost: a\r\n\r\n", "d", 414},
		{"an absolute target", http1.Limits{Target: 9}, "GET http://a/| HTTP/1.1\r\nHost: a\r\n\r\n", "b", 414},
		{"the head", http1.Limits{Head: 27}, "GET / HTTP/1.1\r\nHost: a|\r\n\r\n", "b", 431},
		{"the head with an empty line", http1.Limits{Head: 29}, "\r\nGET / HTTP/1.1\r\nHost: a|\r\n\r\n", "b", 431},
		{"the fields", http1.Limits{Fields: 2}, "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n|\r\n", "Z:\r\n", 431},
		{"the fields, framing included", http1.Limits{Fields: 2}, "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a\r\n|\r\n", "Z:\r\n", 431},
	} {
		t.Run(test.name, func(t *testing.T) {
			var head http1.Head
			for _, more := range []string{"", test.more} {
				var parser http1.Parser
				request := []byte(strings.Replace(test.largest, "|", more, 1))
				n, err := parser.Parse(request, &test.limits, &head)
				if more == "" {
					require.NoError(t, err)
					assert.Len(t, request, n)
					continue
				}
				var refusal *http1.Error
				require.ErrorAs(t, err, &refusal)
				assert.Equal(t, test.status, refusal.Status)
			}
		})
	}
}

func TestALimitAppliesBeforeTheLineIsComplete(t *testing.T) {
	for _, test := range []struct {
		name, request string
		status        int
	}{
		{"the target", "GET /234567890123456", 414},
		{"the head by a name", "GET / HTTP/1.1\r\nX2345678901234567890123", 431},
		{"the head by a value", "GET / HTTP/1.1\r\nX: 45678901234567890123", 431},
		{"the head by the request line", "GET /234567890123 HTTP/1.1\r\nX: 56789012", 431},
	} {
		t.Run(test.name, func(t *testing.T) {
			var parser http1.Parser
			var head http1.Head
			limits := &http1.Limits{Target: 16, Head: 40}
			for end := range test.request {
				_, err := parser.Parse([]byte(test.request[:end]), limits, &head)
				require.NoError(t, err, "after %d bytes", end)
			}
			_, err := parser.Parse([]byte(test.request+"z"), limits, &head)
			var refusal *http1.Error
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, test.status, refusal.Status)
		})
	}
}

func TestWhatLiesBehindTheHeadCountsForNoLimit(t *testing.T) {
	var parser http1.Parser
	var head http1.Head
	request := "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	n, err := parser.Parse([]byte(request+strings.Repeat("x", 1000)), &http1.Limits{Head: len(request)}, &head)
	require.NoError(t, err)
	assert.Len(t, request, n)
}

func TestARefusalStaysUntilReset(t *testing.T) {
	var parser http1.Parser
	var head http1.Head
	_, err := parser.Parse([]byte("GET /a b HTTP/1.1\r\n"), nil, &head)
	require.EqualError(t, err, "400: a space in the target or after the version")
	assert.Equal(t, "GET", string(head.Method), "for the log")
	assert.Equal(t, "/a", string(head.Target), "for the log")
	_, again := parser.Parse([]byte(hello), nil, &head)
	assert.Same(t, err, again)
	parser.Reset()
	n, err := parser.Parse([]byte(hello), nil, &head)
	require.NoError(t, err)
	assert.Len(t, hello, n)
}

func TestARefusalNamesNothingOfTheRequestBefore(t *testing.T) {
	var parser http1.Parser
	var head http1.Head
	_, err := parser.Parse([]byte(hello), nil, &head)
	require.NoError(t, err)
	_, err = parser.Parse([]byte("("), nil, &head)
	require.Error(t, err)
	assert.Empty(t, head.Method)
	assert.Empty(t, head.Target)
}

func TestOneHeadServesManyRequests(t *testing.T) {
	var parser http1.Parser
	var head http1.Head
	_, err := parser.Parse([]byte("POST http://b/ HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\nX: y\r\n\r\n"), nil, &head)
	require.NoError(t, err)
	_, err = parser.Parse([]byte("GET / HTTP/1.0\r\n\r\n"), nil, &head)
	require.NoError(t, err)
	assert.Equal(t, http1.Head{
		Method: []byte("GET"), Target: []byte("/"), Host: []byte{}, Fields: []http1.Field{}, ContentLength: -1,
	}, head)
}

func TestSlicesDoNotReachIntoTheirNeighbours(t *testing.T) {
	var parser http1.Parser
	var head http1.Head
	buf := []byte(hello)
	_, err := parser.Parse(buf, nil, &head)
	require.NoError(t, err)
	for _, slice := range [][]byte{head.Method, head.Target, head.Host, head.Fields[0].Name, head.Fields[0].Value} {
		_ = append(slice, "overwritten"...)
	}
	assert.Equal(t, hello, string(buf))
}

// hosts are addresses and what resembles them.
var hosts = []string{
	"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4",
	"1:2:3:4:5:6:7:1.2.3.4", "::1:2:3:4:5:6:1.2.3.4", "::ffff:255.255.255.255", "ffff::", "FFFF::abcd",
	"", ":", ":::", "1:", ":1", "1:2", "12345::", "::g", "1::2::3", "::1::", "1:2:3:4:5:6:7:8:9", "::1:2:3:4:5:6:7:8",
	"1:2:3:4:5:6:7:8::", "::256.1.1.1", "::1.2.3", "::1.2.3.4.5", "::1.2.3.4:5", "::01.2.3.4", "::1.2.3.", "::.1.2.3", "::1..2.3",
	"::1.2.3.1000", "1.2.3.4", "::a.2.3.4", "::%1", "1:2:3:4:5:6:7:", "0::0::", "00000::", "::0.0.0.0", "::0.0.0.00",
}

func TestIPv6AddressesAreThoseOfNetip(t *testing.T) {
	check := func(t *testing.T, address string) {
		parsed, err := netip.ParseAddr(address)
		valid := err == nil && parsed.Is6() && parsed.Zone() == ""
		whole := read([]byte("GET / HTTP/1.1\r\nHost: ["+address+"]\r\n\r\n"), nil, 0)
		assert.Equal(t, valid, whole.refusal == nil, "[%s]: %v", address, err)
	}
	for _, address := range hosts {
		check(t, address)
		for i := range address { // and every address with a byte taken out, or doubled
			check(t, address[:i]+address[i+1:])
			check(t, address[:i]+address[i:i+1]+address[i:])
		}
	}
}
