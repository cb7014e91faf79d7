package gatewaytest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/gateway/gatewaytest"
	"github.com/pyserve/pyserve/httpserver"
)

func headOf(length int64) *httpserver.Head {
	return &httpserver.Head{Status: 200, Reason: "OK", ContentLength: length}
}

func TestTheRecorderSeesBreachesOfTheContract(t *testing.T) {
	for _, tt := range []struct {
		name  string
		do    func(w *gatewaytest.Recorder)
		fault string // "" for none
	}{
		{"a response by the rules", func(w *gatewaytest.Recorder) { w.WriteHead(headOf(2)); w.Write([]byte("ok")) }, ""},
		{"Abort without head", func(w *gatewaytest.Recorder) { w.Abort() }, ""},
		{"Write before WriteHead", func(w *gatewaytest.Recorder) { w.Write([]byte("x")) }, "before WriteHead"},
		{"WriteHead twice", func(w *gatewaytest.Recorder) { w.WriteHead(headOf(0)); w.WriteHead(headOf(0)) }, "twice"},
		{"too much content", func(w *gatewaytest.Recorder) { w.WriteHead(headOf(1)); w.Write([]byte("ok")) }, "more content"},
		{"an empty Write", func(w *gatewaytest.Recorder) { w.WriteHead(headOf(1)); w.Write(nil) }, "without content"},
		{"Write after Abort", func(w *gatewaytest.Recorder) { w.WriteHead(headOf(-1)); w.Abort(); w.Write([]byte("x")) }, "after Abort"},
		{"Abort twice", func(w *gatewaytest.Recorder) { w.Abort(); w.Abort() }, "twice"},
		{"content to HEAD", func(w *gatewaytest.Recorder) {
			h := headOf(2)
			h.NoContent = true
			w.WriteHead(h)
			w.Write([]byte("ok"))
		}, "without content"},
		{"an interim status", func(w *gatewaytest.Recorder) { h := headOf(-1); h.Status = 103; w.WriteHead(h) }, "status 103"},
		{"204 with a length", func(w *gatewaytest.Recorder) {
			w.WriteHead(&httpserver.Head{Status: 204, ContentLength: 0, NoContent: true})
		}, "status 204"},
		{"304 with content", func(w *gatewaytest.Recorder) { w.WriteHead(&httpserver.Head{Status: 304, ContentLength: -1}) }, "status 304"},
		{"a line feed in the reason", func(w *gatewaytest.Recorder) { h := headOf(0); h.Reason = "a\nb"; w.WriteHead(h) }, "control character"},
		{"a line feed in a value", withField("X", "a\nb"), "control character"},
		{"a space in a name", withField("X Y", "1"), "no token"},
		{"a hop-by-hop field", withField("Transfer-Encoding", "chunked"), "not the handler's"},
		{"a length in the fields", withField("content-length", "1"), "not the handler's"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &gatewaytest.Recorder{}
			tt.do(w)
			if tt.fault == "" {
				assert.Empty(t, w.Violations)
				return
			}
			require.Len(t, w.Violations, 1)
			assert.Contains(t, w.Violations[0], tt.fault)
		})
	}
}

func withField(name, value string) func(w *gatewaytest.Recorder) {
	return func(w *gatewaytest.Recorder) {
		h := headOf(0)
		h.Fields = []httpserver.HeaderField{{Name: name, Value: value}}
		w.WriteHead(h)
	}
}

func TestTheRecorderKeepsNothingOfItsArguments(t *testing.T) {
	w, h, p := &gatewaytest.Recorder{}, headOf(2), []byte("ok")
	h.Fields = []httpserver.HeaderField{{Name: "X", Value: "1"}}
	require.NoError(t, w.WriteHead(h))
	require.NoError(t, w.Write(p))
	h.Fields[0].Value, h.Status, p[0] = "2", 500, 'x'
	assert.Equal(t, "1", w.Head.Fields[0].Value)
	assert.Equal(t, 200, w.Head.Status)
	assert.Equal(t, "ok", string(w.Content))
	assert.Equal(t, []string{"head", "write 2"}, w.Events)
}

func TestTheRecorderReadsFilesBack(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte("0123456789"), 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	w := &gatewaytest.Recorder{}
	require.NoError(t, w.WriteHead(headOf(3)))
	require.NoError(t, w.SendFile(f, 4, 3))
	assert.Equal(t, "456", string(w.Content))
	assert.ErrorIs(t, f.Close(), os.ErrClosed)
	assert.Empty(t, w.Violations)
}

func TestTheClientOfARecorderLeavesAfterSoManyBytes(t *testing.T) {
	w := &gatewaytest.Recorder{}
	w.DisconnectAfter(3)
	require.NoError(t, w.WriteHead(headOf(-1)))
	require.NoError(t, w.Write([]byte("ab")))
	assert.False(t, w.Disconnected())
	assert.ErrorIs(t, w.Write([]byte("cd")), httpserver.ErrDisconnected)
	assert.True(t, w.Disconnected())
	assert.Equal(t, "abc", string(w.Content))
	assert.ErrorIs(t, w.Write([]byte("e")), httpserver.ErrDisconnected)
}

func TestTheRecorderEndsAsAnEngineDoes(t *testing.T) {
	for _, tt := range []struct {
		name    string
		do      func(w *gatewaytest.Recorder)
		aborted bool
	}{
		{"without a head", func(*gatewaytest.Recorder) {}, true},
		{"with less than declared", func(w *gatewaytest.Recorder) { w.WriteHead(headOf(3)); w.Write([]byte("ab")) }, true},
		{"with all that was declared", func(w *gatewaytest.Recorder) { w.WriteHead(headOf(2)); w.Write([]byte("ab")) }, false},
		{"with no declared length", func(w *gatewaytest.Recorder) { w.WriteHead(headOf(-1)) }, false},
		{"without content", func(w *gatewaytest.Recorder) { h := headOf(3); h.NoContent = true; w.WriteHead(h) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &gatewaytest.Recorder{}
			tt.do(w)
			w.End()
			assert.Equal(t, tt.aborted, w.Aborted)
		})
	}
}
