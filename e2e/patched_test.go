package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAnApplicationMayPatchTheStandardLibraryAtImport(t *testing.T) {
	t.Parallel()
	for _, flags := range []string{"--preload", "--preload --threads 1"} {
		s := start(t, "apps.patched:app", strings.Fields(flags)...)
		assert.Equal(t, "hello", s.client(t).get(t, "/").Body, flags)
		s.stop(t)
		assert.NotContains(t, s.stderr.String(), "Traceback", flags)
	}
}
