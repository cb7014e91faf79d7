package gateway

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

// What passes and what is refused stands in gatewaytest's list of behaviours; here are the edges of the
// functions below it.

func TestTheStatusIsTakenApart(t *testing.T) {
	for _, tt := range []struct {
		status, reason string
		code           int // 0: refused
	}{
		{"200 OK", "OK", 200},
		{"200 ", "", 200},
		{"200  ", " ", 200},
		{"999 a b", "a b", 999},
		{"200 \xff", "\xff", 200},
		{"199 Last interim", "", 0},
		{"20", "", 0},
		{"2 0 OK", "", 0},
		{"20\xb2 OK", "", 0},
		{"200\x00OK", "", 0},
		{"200 \x1f", "", 0},
	} {
		t.Run(tt.status, func(t *testing.T) {
			code, reason, err := parseStatus(tt.status)
			if tt.code == 0 {
				requireValueError(t, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.code, code)
			assert.Equal(t, tt.reason, reason)
		})
	}
}

func TestTheLengthIsStrict(t *testing.T) {
	for value, want := range map[string]int64{
		"0": 0, "7": 7, "007": 7, " 7\t": 7, "9223372036854775807": 1<<63 - 1,
		"9223372036854775808": -1, "": -1, "\t": -1, "-0": -1, "+7": -1, "7 7": -1, "7,7": -1, "1e3": -1, "0x7": -1,
		"7\u00a0": -1, "\uff17": -1, "1_0": -1, "7\n": -1,
	} {
		t.Run(value, func(t *testing.T) {
			n, err := parseLength(value)
			if want < 0 {
				requireValueError(t, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, want, n)
		})
	}
}

func TestEveryByteOfANameAndOfAValueIsJudged(t *testing.T) {
	for c := range 256 {
		name := "X" + string([]byte{byte(c)}) + "Y"
		token := c > ' ' && c < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, rune(c))
		assert.Equal(t, token, checkField(httpserver.HeaderField{Name: name, Value: "1"}) == nil, "name %q", name)
		value := string([]byte{byte(c)})
		text := c == '\t' || c >= ' ' && c != 0x7f
		assert.Equal(t, text, checkField(httpserver.HeaderField{Name: "X", Value: value}) == nil, "value %q", value)
		_, _, err := parseStatus("200 " + value)
		assert.Equal(t, text, err == nil, "reason %q", value)
	}
}

func TestAllHopByHopNamesAreDroppedInAnyCase(t *testing.T) {
	for name := range hopByHop {
		for _, spelling := range []string{name, strings.ToUpper(name)} {
			var dropped []string
			head, err := parseHead("200 OK", []httpserver.HeaderField{{Name: "A", Value: "1"}, {Name: spelling, Value: "x"}, {Name: "B", Value: "2"}},
				func(name string) { dropped = append(dropped, name) })
			require.NoError(t, err)
			assert.Equal(t, []httpserver.HeaderField{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}}, head.Fields)
			assert.Equal(t, []string{spelling}, dropped)
			assert.False(t, head.Close)
		}
	}
}

func TestHeadersThatAreRefusedAreNeverHalfTaken(t *testing.T) {
	_, err := parseHead("200 OK", []httpserver.HeaderField{{Name: "Content-Length", Value: "1"}, {Name: "X", Value: "\r"}}, nil)
	requireValueError(t, err)
	_, err = parseHead("100 Continue", []httpserver.HeaderField{{Name: "X", Value: "1"}}, nil)
	requireValueError(t, err)
}

func requireValueError(t *testing.T, err error) {
	t.Helper()
	var call *CallError
	require.ErrorAs(t, err, &call)
	assert.Equal(t, ValueError, call.Exception)
	assert.NotContains(t, call.Msg, "\n", "one line for the log")
}
