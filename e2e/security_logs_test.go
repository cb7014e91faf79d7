package e2e_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// ourLine is what a line of standard error begins with when it is the server's.
var ourLine = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d) |pyserve: |    )`)

const forgery = "x\n2026-01-01T00:00:00.000Z INFO  forged\r\x1b[2J\u2028\u0085\u202e"

func TestExceptionsAndMessagesWithAClientsTextForgeNoRecord(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.hostile:app")
	for _, path := range []string{"/raise", "/write", "/raise", "/close"} {
		s.rawGet(t, path+"?text="+url.QueryEscape(forgery))
	}
	s.rawGet(t, "/write?text="+url.QueryEscape(strings.Repeat("y", 20000)))
	s.rawGet(t, "/raise?text="+url.QueryEscape("the last one"))
	s.stderr.waitForText(t, "ValueError: the last one")
	s.stop(t)
	text := s.stderr.String()
	assert.Contains(t, text, "forged")
	for line := range strings.Lines(text) {
		assert.Regexp(t, ourLine, line)
		assert.NotRegexp(t, `^2026-01-01T00`, line)
		assert.LessOrEqual(t, len(line), 4096)
		for _, bad := range []string{"\r", "\x1b", "\u2028", "\u0085", "\u202e"} {
			assert.NotContains(t, line, bad)
		}
	}
}

func TestAFailedImportWithForeignTextForgesNoRecord(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--preload"}, {"--workers", "0"}} {
		s := launch(t, `apps.hostile:failing("`+url.QueryEscape(forgery)+`")`, flags...)
		assert.Equal(t, 1, s.exitCode(t))
		assert.Contains(t, s.stderr.String(), "forged")
		for line := range strings.Lines(s.stderr.String()) {
			assert.Regexp(t, ourLine, line)
			assert.NotRegexp(t, `^2026-01-01T00`, line)
		}
	}
}

func TestAFloodOfRefusedRequestsHasOneLineASecond(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.hostile:app", "--mount", "/here")
	for range 300 {
		s.raw(t, "nonsense\r\n\r\n")
		s.rawGet(t, "/elsewhere")
	}
	s.stop(t)
	assert.Less(t, strings.Count(s.stderr.String(), "request refused"), 100)
	assert.Contains(t, s.stderr.String(), "times=")
}

func TestLinesOfManyWorkersDoNotMixInAPipe(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.hostile:app", "--workers", "3", "--access-log", "-")
	done := make(chan struct{})
	for range 3 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 50 {
				s.rawGet(t, "/?"+strings.Repeat("z", 9000), "User-Agent: "+strings.Repeat("\xff", 5000))
			}
		}()
	}
	for range 3 {
		<-done
	}
	s.stop(t)
	text := s.stdout.String()
	assert.Equal(t, 150, strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		assert.Regexp(t, `^127\.0\.0\.1 - - \[[^\]]+\] "GET /\?z+\.\.\.\(9002 bytes\) HTTP/1.1" 200 \d+ "-" "[^"]*\.\.\.\(5000 bytes\)" id=\w+ dur=\d+us queue=\d+us\n$`, line)
	}
}
