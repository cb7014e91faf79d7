package scoreboard

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestARequestReadsAsOneQuotedLine(t *testing.T) {
	for _, c := range []struct {
		name           string
		method, target string
		lengths        [2]int // as sent, where they differ
		age            time.Duration
		torn           bool
		want           string
	}{
		{name: "an ordinary one", method: "GET", target: "/slow?x=1", age: 3210 * time.Millisecond,
			want: `GET "/slow?x=1" for 3.2s on thread 4`},
		{name: "milliseconds", method: "M-SEARCH", target: "*", age: 34567 * time.Microsecond,
			want: `M-SEARCH "*" for 35ms on thread 4`},
		{name: "less", method: "get", target: "/", age: 34567,
			want: `get "/" for 0s on thread 4`},
		{name: "line breaks and escape sequences", method: "G\nT", target: "/\r\n\x1b[31m\"\\\xff\u202e\u00e9", age: time.Minute,
			want: `"G\nT" "/\r\n\x1b[31m\"\\\xff\u202e\u00e9" for 1m0s on thread 4`},
		{name: "cut", method: "LONGLONGLONGLONG", target: "/aaa", lengths: [2]int{17, 900}, age: time.Second,
			want: `LONGLONGLONGLONG... (17 bytes) "/aaa"... (900 bytes) for 1s on thread 4`},
		{name: "torn", method: "", target: "", age: time.Second, torn: true,
			want: `"" "" for 1s on thread 4 (just entering, record incomplete)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Request{Thread: 4, Method: c.method, MethodLength: max(len(c.method), c.lengths[0]),
				Target: c.target, TargetLength: max(len(c.target), c.lengths[1]),
				Entered: 1e12, Seen: 1e12 + int64(c.age), Torn: c.torn}
			assert.Equal(t, c.want, r.String())
		})
	}
}

func TestARequestTellsItsAgeAndForHowLongItHasNotMoved(t *testing.T) {
	r := Request{Entered: 10, Moved: 40, Seen: 100}
	assert.EqualValues(t, 90, r.Age())
	assert.EqualValues(t, 60, r.Seen-r.Moved)
}

func TestRequestsAreLoggedAsLines(t *testing.T) {
	r := Request{Method: "GET", MethodLength: 3, Target: "/", TargetLength: 1, Seen: int64(time.Second)}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var out bytes.Buffer
		slog.New(handler(&out)).Error("died", "one", r)
		line := `GET \"/\" for 1s on thread 0`
		assert.Contains(t, out.String(), line, name)
	}
}
