package http1_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver/internal/corpus"
)

func loadCorpus(t testing.TB) []corpus.Case {
	t.Helper()
	cases, err := corpus.Load(corpusDir)
	require.NoError(t, err)
	return cases
}

func TestTheCorpusIsReadTheSameInEveryCut(t *testing.T) {
	for _, c := range loadCorpus(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			whole := read(c.Raw, nil, 0)
			require.Equal(t, c.Requests, whole.requests)
			if c.Status == 0 {
				require.Nil(t, whole.refusal)
			} else {
				require.NotNil(t, whole.refusal)
				assert.Equal(t, c.Status, whole.refusal.Status)
				assert.Contains(t, whole.refusal.Reason, c.Reason)
			}
			assert.False(t, whole.pending, "the bytes end within a request")
			for name, cuts := range cutsOf(c.Raw) {
				// Nothing is said of what a refusal leaves unread: a reader in pieces has not got it yet.
				pieces := read(c.Raw, cuts, 0)
				pieces.unread = whole.unread
				require.Equal(t, whole, pieces, name)
			}
		})
	}
}

// cutsOf returns the ways in which every stream is cut, by name: in lines, in bytes, at random, and, if it
// is short, in two at every place.
func cutsOf(stream []byte) map[string][]int {
	cuts := map[string][]int{}
	for i, c := range stream {
		if i > 0 {
			cuts["per byte"] = append(cuts["per byte"], i)
		}
		if c == '\n' && i+1 < len(stream) {
			cuts["per line"] = append(cuts["per line"], i+1)
		}
		if len(stream) <= 600 {
			cuts[fmt.Sprintf("in two at %d", i)] = []int{i}
		}
	}
	for seed := range uint64(20) {
		cuts[fmt.Sprintf("random %d", seed)] = randomCuts(rand.New(rand.NewPCG(seed, 1)), len(stream))
	}
	return cuts
}

func TestWhatIsRefusedIsRefusedAsSoonAsItShows(t *testing.T) {
	for _, test := range []struct {
		name, first, last string // the refusal comes with the last byte of last
	}{
		{"a TLS handshake", "", "\x16"},
		{"a second empty line", "\r\n", "\r"},
		{"a method that is no token", "GE", "("},
		{"HTTP/0.9", "GET /", "\r"},
		{"a space in the target", "GET /a b HTTP/1.1\r", "\n"},
		{"another version", "GET / HTTP/2.0\r", "\n"},
		{"a bare LF", "GET / HTTP/1.1\r\nHost: a", "\n"},
		{"a control in a value", "GET / HTTP/1.1\r\nHost: a", "\x00"},
		{"white space before a colon", "GET / HTTP/1.1\r\nHost", " "},
		{"a folded field", "GET / HTTP/1.1\r\nHost: a\r\n", " "},
		{"a second Host", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r", "\n"},
		{"a sign in a chunk size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "+"},
		{"content beyond the chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na", "0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Nil(t, read([]byte(test.first), nil, 0).refusal)
			assert.NotNil(t, read([]byte(test.first+test.last), nil, 0).refusal)
		})
	}
}
