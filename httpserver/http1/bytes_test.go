package http1_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver/http1"
)

const tokenBytes = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func TestEveryByteHasItsPlaces(t *testing.T) {
	for _, test := range []struct {
		place, before, after string
		allowed              func(c byte) bool
	}{
		{"a method", "GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			func(c byte) bool { return strings.IndexByte(tokenBytes, c) >= 0 }},
		{"a target", "GET /a", "b HTTP/1.1\r\nHost: a\r\n\r\n",
			func(c byte) bool { return c > ' ' && c != 0x7f && c != '#' }},
		{"a field name", "GET / HTTP/1.1\r\nHost: a\r\nX", "Y: z\r\n\r\n",
			func(c byte) bool { return strings.IndexByte(tokenBytes+":", c) >= 0 }},
		{"a host", "GET / HTTP/1.1\r\nHost: a", "1\r\n\r\n",
			func(c byte) bool {
				return strings.IndexByte(tokenBytes+"(),;=:", c) >= 0 && strings.IndexByte("#%^`|", c) < 0
			}},
	} {
		t.Run(test.place, func(t *testing.T) {
			for c := range 256 {
				whole := read([]byte(test.before+string([]byte{byte(c)})+test.after), nil, 0)
				assert.Equal(t, test.allowed(byte(c)), whole.refusal == nil, "byte %#02x", c)
			}
		})
	}
}

func TestNoControlHidesInAValue(t *testing.T) {
	for c := range 256 {
		for at := range 24 { // wherever it stands in what is looked at together
			value := []byte(strings.Repeat("\xff", 24))
			value[at] = byte(c)
			whole := read([]byte("GET / HTTP/1.1\r\nHost: a\r\nX: "+string(value)+"\r\n\r\n"), nil, 0)
			allowed := c == '\t' || c >= ' ' && c != 0x7f
			require.Equal(t, allowed, whole.refusal == nil, "byte %#02x at %d", c, at)
		}
	}
}

func TestNoByteIsLookedAtTwice(t *testing.T) {
	for _, place := range []struct{ name, before, scanned, after string }{
		{"a method", "", "PRO", "PFIND / HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"a target", "GET /", "abc", "def HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"a field name", "GET / HTTP/1.1\r\nHost: a\r\n", "Xyz", "zy: abc\r\n\r\n"},
		{"a field value", "GET / HTTP/1.1\r\nHost: a\r\nX:", " abc", "def\r\n\r\n"},
		{"a line before", "GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n", "Z:\r\n\r\n"},
	} {
		t.Run(place.name, func(t *testing.T) {
			var parser http1.Parser
			var head http1.Head
			n, err := parser.Parse([]byte(place.before+place.scanned), nil, &head)
			require.NoError(t, err)
			require.Zero(t, n)
			// What would be refused now shows whether the parser looks at it again.
			spoilt := place.before + strings.Repeat("\x00", len(place.scanned)) + place.after
			n, err = parser.Parse([]byte(spoilt), nil, &head)
			require.NoError(t, err)
			assert.Len(t, spoilt, n)
		})
	}
}
