package gateway

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

// FuzzHead: whatever an application says, what goes to the engine cannot be taken for two messages. The
// fields stand in one string, divided by "|", each "Name: value".
func FuzzHead(f *testing.F) {
	f.Fuzz(func(t *testing.T, status string, lines string) {
		fields := fieldsOf(lines)
		given := slices.Clone(fields)
		dropped := 0
		head, err := parseHead(status, fields, func(string) { dropped++ })
		if err != nil {
			requireValueError(t, err)
			return
		}
		require.GreaterOrEqual(t, head.Status, 200)
		require.LessOrEqual(t, head.Status, 999)
		require.Equal(t, status[4:], head.Reason)
		require.False(t, strings.ContainsAny(head.Reason, "\r\n\x00"))
		require.GreaterOrEqual(t, head.ContentLength, int64(-1))
		rest := given
		for _, field := range head.Fields {
			require.NotEmpty(t, field.Name)
			require.False(t, strings.ContainsAny(field.Name+field.Value, "\r\n\x00"))
			require.False(t, strings.ContainsAny(field.Name, ": \t"))
			require.NotContains(t, []string{"content-length", "transfer-encoding", "connection", "upgrade"}, strings.ToLower(field.Name))
			i := slices.Index(rest, field)
			require.GreaterOrEqual(t, i, 0, "the fields stay as given, in order")
			rest = rest[i+1:]
		}
		lengths, closing := 0, 0
		for _, field := range given {
			switch {
			case strings.EqualFold(field.Name, "Content-Length"):
				lengths++
			case strings.EqualFold(field.Name, "Connection") && hasToken(field.Value, "close"):
				closing++
			}
		}
		require.Equal(t, lengths, boolInt(head.ContentLength >= 0))
		require.Equal(t, closing > 0, head.Close)
		require.Len(t, given, len(head.Fields)+dropped+lengths+closing)
	})
}

func fieldsOf(lines string) (fields []httpserver.HeaderField) {
	if lines == "" {
		return nil
	}
	for line := range strings.SplitSeq(lines, "|") {
		name, value, _ := strings.Cut(line, ": ")
		fields = append(fields, httpserver.HeaderField{Name: name, Value: value})
	}
	return fields
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
