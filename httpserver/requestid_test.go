package httpserver

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRequestIDsAreHexadecimalAndNeverTheSame(t *testing.T) {
	source := NewRequestIDs()
	a, b, foreign := source.Block(), source.Block(), NewRequestIDs().Block()
	seen := map[string]bool{}
	for range 3 * requestIDsOfBlock {
		for _, ids := range []*RequestIDBlock{&a, &b, &foreign} {
			id := ids.Next()
			assert.Regexp(t, regexp.MustCompile(`^[0-9a-f]{20}$`), id)
			assert.False(t, seen[id], id)
			seen[id] = true
		}
	}
	assert.True(t, seen[string(source.prefix[:])+"000000000001"])
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
