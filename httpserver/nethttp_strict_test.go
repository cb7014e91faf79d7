package httpserver

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver/internal/corpus"
)

// What the parser of the other engine refuses on top of net/http's own rules, this one does after them.
func TestRepeatedFieldsAndForbiddenTrailersAreRefused(t *testing.T) {
	cases, err := corpus.Load("../testdata/requests")
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

func TestHowLongContentMayTake(t *testing.T) {
	limits := Limits{BodyRate: 100, BodyGrace: 30 * time.Second}
	began := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name  string
		after time.Duration // now, since it began
		n     int64
		want  time.Duration // since it began
	}{
		{"nothing has come", 0, 0, 30 * time.Second},
		{"nothing has come for long", 20 * time.Second, 0, 30 * time.Second},
		{"at the rate", 50 * time.Second, 5000, 80 * time.Second},
		{"more slowly", 50 * time.Second, 3000, 60 * time.Second},
		{"what came fast buys no more silence than the grace", time.Second, 10 << 20, 31 * time.Second},
		{"however much it was", time.Second, 1 << 62, 31 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, limits.bodyDeadline(began, began.Add(tt.after), tt.n).Sub(began))
		})
	}
	limits.BodyRate = -1
	assert.Zero(t, limits.bodyDeadline(began, began, 0))
}
