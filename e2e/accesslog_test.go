package e2e_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAccessLogInCombinedFormat(t *testing.T) {
	t.Parallel()
	s := start(t, "flaskapp:app", "--access-log", "-")
	c := s.client(t)
	require.Equal(t, 418, c.get(t, "/abort/418?a=b", "User-Agent", "tester/1.0", "Referer", "http://example.com/").Status)
	line := s.stdout.waitFor(t, regexp.MustCompile(`(?m)^.*/abort/418.*\n`))[0]
	assert.Regexp(t, `^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] `+
		`"GET /abort/418\?a=b HTTP/1\.1" 418 16 "http://example\.com/" "tester/1\.0"`, line)

	t.Run("cannot be forged by a client", func(t *testing.T) {
		s.rawGet(t, "/forged", "User-Agent: x\" 200 1 \"-\" \"\\\t\x9b31m\xff")
		line := s.stdout.waitFor(t, regexp.MustCompile(`(?m)^.*/forged.*\n`))[0]
		// 0x9B begins an escape sequence on an eight-bit terminal.
		assert.Regexp(t, `^[ -~]+\n$`, line)
		assert.NotContains(t, line, `x" 200`, "the quote must be escaped")
	})
	t.Run("has a line for what raised and what broke off", func(t *testing.T) {
		c.get(t, "/raise")
		s.rawGet(t, "/stream/broken")
		s.stdout.waitFor(t, regexp.MustCompile(`(?m)^.*"GET /raise HTTP/1\.1" 500 \d+ `))
		s.stdout.waitFor(t, regexp.MustCompile(`(?m)^.*"GET /stream/broken HTTP/1\.1" 200 6 `))
	})
}

func TestAccessLogInJSON(t *testing.T) {
	t.Parallel()
	s := start(t, "flaskapp:app", "--access-log", "-", "--access-log-format", "json")
	s.client(t).get(t, "/hello?q=%22", "User-Agent", `a "quoted" agent`)
	line := s.stdout.waitFor(t, regexp.MustCompile(`(?m)^\{.*/hello.*\}\n`))[0]
	var entry map[string]any
	require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
	assert.Contains(t, line, `a \"quoted\" agent`)
	assert.Equal(t, "/hello?q=%22", entry["target"])
	for _, key := range []string{"time", "remote", "method", "proto", "status", "bytes", "request_id", "duration_us", "queue_us"} {
		assert.Contains(t, entry, key)
	}
}

func TestAccessLogFileHasOneLineForEachRequest(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	s := start(t, "flaskapp:app", "--access-log", path)
	const requests = 50
	together(t, s.client(t), requests, "/hello")
	s.stop(t) // nothing may be left in a buffer
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	lines := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); lines++ {
		assert.Contains(t, scanner.Text(), `"GET /hello HTTP/1.1" 200 `)
	}
	assert.Equal(t, requests, lines)
	assert.NotContains(t, s.stdout.String(), "/hello", "the log goes to the file alone")
}

func TestAccessLogIsOffByDefault(t *testing.T) {
	t.Parallel()
	s := start(t, "flaskapp:app")
	s.client(t).get(t, "/hello")
	s.stop(t)
	assert.NotContains(t, s.stdout.String()+s.stderr.String(), "/hello")
}

func TestARequestsIDStandsInTheLogOfItsFailure(t *testing.T) {
	t.Parallel()
	s := start(t, "flaskapp:app", "--access-log", "-", "--access-log-format", "json")
	s.client(t).get(t, "/raise")
	s.stderr.waitForText(t, "ValueError: a secret detail")
	line := s.stdout.waitFor(t, regexp.MustCompile(`(?m)^\{.*/raise.*\}\n`))[0]
	var entry struct {
		ID string `json:"request_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(line), &entry))
	require.NotEmpty(t, entry.ID)
	s.stderr.waitForText(t, entry.ID)
}
