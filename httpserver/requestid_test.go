package httpserver

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRequestIDsAreHexadecimalAndNeverTheSame(t *testing.T) {
	a, b := NewRequestIDs(), NewRequestIDs()
	seen := map[string]bool{}
	for range 1000 {
		for _, ids := range []*RequestIDs{a, b} {
			id := ids.Next()
			assert.Regexp(t, regexp.MustCompile(`^[0-9a-f]{20}$`), id)
			assert.False(t, seen[id], id)
			seen[id] = true
		}
	}
}

func TestWhichRequestIDsOfAPeerAreValid(t *testing.T) {
	for id, want := range map[string]bool{
		"a":                      true,
		"5f3c-{~}!":              true,
		strings.Repeat("x", 128): true,
		strings.Repeat("x", 129): false,
		"":                       false,
		"a b":                    false,
		"a\x7f":                  false,
		"caf\xe9":                false,
		"a\n":                    false,
	} {
		assert.Equal(t, want, ValidRequestID(id), "%q", id)
	}
}
