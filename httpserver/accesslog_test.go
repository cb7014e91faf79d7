package httpserver

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func exampleEntry() *AccessEntry {
	return &AccessEntry{
		Time:      time.Date(2026, 3, 4, 5, 6, 7, 8_000_000, time.FixedZone("", -3*3600)),
		Remote:    netip.MustParseAddr("192.0.2.1"),
		Method:    []byte("GET"),
		Target:    []byte("/a?b=c"),
		Proto:     "HTTP/1.1",
		Status:    200,
		Bytes:     12,
		Referer:   []byte("http://example.org/"),
		UserAgent: []byte("curl/8"),
		RequestID: "abc",
		Duration:  1500 * time.Microsecond,
		Queued:    20 * time.Microsecond,
	}
}

func line(t *testing.T, format string, e *AccessEntry) string {
	t.Helper()
	var out bytes.Buffer
	l, err := NewAccessLog(&out, format, nil)
	require.NoError(t, err)
	require.NoError(t, l.Log(e))
	require.NoError(t, l.Close())
	return out.String()
}

func TestTheCombinedFormatIsApachesWithAnIDAndTimes(t *testing.T) {
	assert.Equal(t, `192.0.2.1 - - [04/Mar/2026:05:06:07 -0300] "GET /a?b=c HTTP/1.1" 200 12 "http://example.org/" "curl/8" id=abc dur=1500us queue=20us`+"\n",
		line(t, "combined", exampleEntry()))
}

func TestTheCombinedFormatShowsWhatIsMissingAsADash(t *testing.T) {
	e := exampleEntry()
	e.Remote, e.Referer, e.UserAgent, e.Bytes = netip.Addr{}, nil, nil, 0
	assert.Equal(t, `- - - [04/Mar/2026:05:06:07 -0300] "GET /a?b=c HTTP/1.1" 200 - "-" "-" id=abc dur=1500us queue=20us`+"\n",
		line(t, "combined", e))
}

func TestAClientCannotForgeALineOfTheCombinedFormat(t *testing.T) {
	e := exampleEntry()
	e.UserAgent = []byte("a\"b\\c\nd\x1b[2Je\xe9\x7f\t")
	got := line(t, "combined", e)
	assert.Contains(t, got, ` "a\"b\\c\nd\x1b[2Je\xe9\x7f\t" `)
	assert.Equal(t, 1, strings.Count(got, "\n"))
}

func TestTheJSONFormatIsOneObjectALine(t *testing.T) {
	got := line(t, "json", exampleEntry())
	assert.JSONEq(t, `{"time":"2026-03-04T05:06:07.008-03:00","remote":"192.0.2.1","method":"GET","target":"/a?b=c","proto":"HTTP/1.1",
		"status":200,"bytes":12,"referer":"http://example.org/","user_agent":"curl/8","request_id":"abc","duration_us":1500,"queue_us":20}`, got)
	assert.True(t, strings.HasSuffix(got, "}\n"))
}

func TestTheJSONFormatTellsThatAResponseWasCut(t *testing.T) {
	e := exampleEntry()
	e.Aborted = true
	assert.Contains(t, line(t, "json", e), `"aborted":true`)
}

func TestTheJSONFormatKeepsEveryByteAsLatin1(t *testing.T) {
	e := exampleEntry()
	var all []byte
	for c := range 256 {
		all = append(all, byte(c))
	}
	e.UserAgent = all
	var parsed struct {
		UserAgent string `json:"user_agent"`
	}
	require.NoError(t, json.Unmarshal([]byte(line(t, "json", e)), &parsed))
	var back []byte
	for _, r := range parsed.UserAgent {
		back = append(back, byte(r))
	}
	assert.Equal(t, all, back)
}

// countingWriter is not safe for concurrent use, so that the race detector sees when it is used so.
type countingWriter struct{ lines []string }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.lines = append(w.lines, string(p))
	return len(p), nil
}

func TestEveryLineIsOneWriteHoweverManyWriteAtOnce(t *testing.T) {
	w := &countingWriter{}
	l, err := NewAccessLog(w, "combined", nil)
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				assert.NoError(t, l.Log(exampleEntry()))
			}
		})
	}
	all.Wait()
	require.NoError(t, l.Close())
	assert.Len(t, w.lines, 400)
	for _, line := range w.lines {
		assert.Equal(t, w.lines[0], line)
	}
}

func TestOpenAccessLog(t *testing.T) {
	t.Run("appends to a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "access.log")
		for range 2 {
			l, err := OpenAccessLog(path, "combined", nil)
			require.NoError(t, err)
			require.NoError(t, l.Log(exampleEntry()))
			require.NoError(t, l.Close())
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, 2, bytes.Count(got, []byte("\n")))
	})
	t.Run("off logs nothing", func(t *testing.T) {
		l, err := OpenAccessLog("off", "json", nil)
		require.NoError(t, err)
		assert.Nil(t, l)
		assert.NoError(t, l.Log(exampleEntry()))
		assert.NoError(t, l.Close())
	})
	t.Run("a dash is the standard output, which stays open", func(t *testing.T) {
		l, err := OpenAccessLog("-", "json", nil)
		require.NoError(t, err)
		assert.Same(t, os.Stdout, l.lines.w)
		require.NoError(t, l.Close())
		_, err = os.Stdout.Stat()
		assert.NoError(t, err)
	})
	for name, c := range map[string]struct{ path, format, want string }{
		"an unknown format":  {"-", "xml", `"xml" is not an access log format: use "combined" or "json"`},
		"no path":            {"", "json", `the access log needs a path`},
		"a folder not there": {filepath.Join(t.TempDir(), "no", "log"), "json", "cannot write the access log: open "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := OpenAccessLog(c.path, c.format, nil)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestAnAccessLogThatWasRotatedGoesOnInANewFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := OpenAccessLog(path, "combined", nil)
	require.NoError(t, err)
	require.NoError(t, l.Log(&AccessEntry{RequestID: "first"}))
	require.NoError(t, os.Rename(path, path+".1"))
	require.NoError(t, l.Log(&AccessEntry{RequestID: "second"}))
	require.NoError(t, l.Reopen())
	require.NoError(t, l.Log(&AccessEntry{RequestID: "third"}))
	require.NoError(t, l.Close())
	old, err := os.ReadFile(path + ".1")
	require.NoError(t, err)
	assert.Regexp(t, `(?s)id=first.*id=second`, string(old))
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(now), "id=third")
	assert.NotContains(t, string(now), "id=second")
}

func TestAnAccessLogThatCannotBeReopenedGoesOnInItsOldFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	require.NoError(t, os.Mkdir(dir, 0o700))
	l, err := OpenAccessLog(filepath.Join(dir, "log"), "combined", nil)
	require.NoError(t, err)
	require.NoError(t, os.Rename(dir, dir+".old"))
	assert.Error(t, l.Reopen())
	require.NoError(t, l.Log(&AccessEntry{RequestID: "after"}))
	require.NoError(t, l.Close())
	text, err := os.ReadFile(filepath.Join(dir+".old", "log"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "id=after")
}

func TestAnAccessLogWithoutAFileOfItsOwnIsNotReopened(t *testing.T) {
	l, err := NewAccessLog(io.Discard, "json", nil)
	require.NoError(t, err)
	assert.NoError(t, l.Reopen())
	assert.NoError(t, (*AccessLog)(nil).Reopen())
}

func TestALineIsCutToWhatGoesIntoAPipeAsAWhole(t *testing.T) {
	for _, format := range []string{"combined", "json"} {
		for name, text := range map[string]string{
			"plain": strings.Repeat("a", 1<<16), "escaped": strings.Repeat("\n\"\xff", 1<<15), "target": "/" + strings.Repeat("b", 3000),
		} {
			e := exampleEntry()
			e.Target = []byte(text)
			if name != "target" {
				e.Method, e.Referer, e.UserAgent = []byte(text), []byte(text), []byte(text)
				e.RequestID = strings.Repeat(`"`, maxRequestID)
				e.Remote = netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666%interface0")
				e.Bytes, e.Duration, e.Queued, e.Aborted = 1<<62, 1<<62, 1<<62, true
			}
			got := line(t, format, e)
			assert.LessOrEqual(t, len(got), 4096, "%s %s", format, name)
			assert.Equal(t, 1, strings.Count(got, "\n"))
			if format == "json" {
				assert.True(t, json.Valid([]byte(got)), got)
			}
			if name == "target" {
				assert.Contains(t, got, text, "it fits")
			} else {
				assert.Contains(t, got, "...("+strconv.Itoa(len(text))+" bytes)")
			}
		}
	}
}

func FuzzAccessLogLines(f *testing.F) {
	f.Add([]byte("/"), []byte("\n2026"), []byte("\xff\x1b\""))
	f.Add(bytes.Repeat([]byte{0x80}, 5000), []byte(""), bytes.Repeat([]byte("x"), 5000))
	f.Fuzz(func(t *testing.T, target, referer, agent []byte) {
		e := exampleEntry()
		e.Target, e.Referer, e.UserAgent = target, referer, agent
		for _, format := range []string{"combined", "json"} {
			got := line(t, format, e)
			if len(got) > 4096 || strings.IndexByte(got, '\n') != len(got)-1 || strings.ContainsFunc(got[:len(got)-1], func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q", got)
			}
			if format == "json" && !json.Valid([]byte(got)) {
				t.Errorf("not JSON: %q", got)
			}
		}
	})
}
