package corpus

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryFileOfTheCorpusLoads(t *testing.T) {
	cases, err := Load("../../../testdata/requests")
	require.NoError(t, err)
	valid := 0
	for _, c := range cases {
		if c.Status == 0 {
			valid++
		}
	}
	assert.GreaterOrEqual(t, valid, 60)
	assert.GreaterOrEqual(t, len(cases)-valid, 120)
}

func TestAFileSaysWhatIsSentAndWhatItMeans(t *testing.T) {
	c, err := parse(`# First reason,
# second line.
POST /\x01\\ HTTP/1.0\r\n
X:\{\t*3}\r\n
\r\n
ab
---
method: POST
target: /\x01\\
version: 1.0
host: h
field: X: y
content-length: 2
chunked: true
keep-alive: false
expect-continue: true
body: a
body: b
refuse: 400 the reason
`, false)
	require.NoError(t, err)
	assert.Equal(t, Case{
		Why: "First reason, second line.",
		Raw: []byte("POST /\x01\\ HTTP/1.0\r\nX:\t\t\t\r\n\r\nab"),
		Requests: []Request{{
			Method: "POST", Target: "/\x01\\", Host: "h", Version: "1.0", Fields: [][2]string{{"X", "y"}},
			ContentLength: 2, Chunked: true, ExpectContinue: true, Body: "ab",
		}},
		Status: 400, Reason: "the reason",
	}, c)
}

func TestAFileWithAFaultIsRefused(t *testing.T) {
	for _, test := range []struct {
		name, text string
		valid      bool
		fault      string
	}{
		{"no comment", "x\n---\nmethod: GET\n", true, "no comment"},
		{"no expectation", "# why\nx\n", true, "no line ---"},
		{"a valid case without a request", "# why\nx\n---\n", true, "has requests"},
		{"a valid case with a refusal", "# why\nx\n---\nmethod: GET\nrefuse: 400 x\n", true, "no refusal"},
		{"an invalid case without a refusal", "# why\nx\n---\nmethod: GET\n", false, "has a refusal"},
		{"a refusal without a reason", "# why\nx\n---\nrefuse: 400\n", false, "with its reason"},
		{"something after the refusal", "# why\nx\n---\nrefuse: 400 x\nmethod: GET\n", false, "nothing can follow"},
		{"a line before the method", "# why\nx\n---\ntarget: /\n", true, "before the method"},
		{"an unknown key", "# why\nx\n---\nmethod: GET\ntarge: /\n", true, "unknown key"},
		{"an unknown escape", "# why\n\\q\n---\nmethod: GET\n", true, "unknown escape"},
		{"half an escape", "# why\n\\x1\n---\nmethod: GET\n", true, "two digits"},
		{"a repetition without a number", "# why\n\\{a*}\n---\nmethod: GET\n", true, "a number"},
		{"a repetition that does not end", "# why\n\\{a*3\n---\nmethod: GET\n", true, "a number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(test.text, test.valid)
			assert.ErrorContains(t, err, test.fault)
		})
	}
}
