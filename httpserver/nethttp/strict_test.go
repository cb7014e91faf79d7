package nethttp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver/internal/corpus"
)

// What the parser of the other engine refuses on top of net/http's own rules, this one does after them.
func TestRepeatedFieldsAndForbiddenTrailersAreRefused(t *testing.T) {
	cases, err := corpus.Load("../../testdata/requests")
	require.NoError(t, err)
	h, requests := recorder()
	ts := start(t, h, setup{})
	n := 0
	for _, c := range cases {
		if !strings.HasPrefix(c.Name, "invalid/twice-") && !strings.HasPrefix(c.Name, "invalid/trailer-forbidden-") {
			continue
		}
		n++
		t.Run(c.Name, func(t *testing.T) {
			got := ts.exchange(string(c.Raw))
			assert.True(t, strings.HasPrefix(got, "HTTP/1.1 400 "), got)
			assert.Contains(t, got, "Connection: close")
			assert.Empty(t, requests)
		})
	}
	assert.Greater(t, n, 20)
}
