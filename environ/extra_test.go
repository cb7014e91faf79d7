package environ

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

func TestWhatAGoProgramAddsComesLast(t *testing.T) {
	builder, err := NewBuilder(Config{})
	require.NoError(t, err)
	var b Block
	require.NoError(t, builder.Build(&b, &httpserver.Request{
		Method: []byte("GET"), Target: []byte("/"), Proto: "HTTP/1.1", Scheme: "http",
		Extra: []httpserver.HeaderField{{Name: "REMOTE_USER", Value: "alice"}, {Name: "REQUEST_METHOD", Value: "BREW"},
			{Name: strings.Repeat("x", 1<<16), Value: "its name is too long"}},
	}))
	last := map[string]string{}
	for name, value := range b.All() {
		last[name] = string(value)
	}
	assert.Equal(t, "alice", last["REMOTE_USER"])
	assert.Equal(t, "BREW", last["REQUEST_METHOD"])
	for name := range last {
		assert.Less(t, len(name), 1<<16)
	}
}
