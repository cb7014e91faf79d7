package httpserver

import (
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEveryCounterIsShownOnce(t *testing.T) {
	var s Stats
	fields := reflect.ValueOf(&s).Elem()
	for i := range fields.NumField() {
		fields.Field(i).Addr().Interface().(*atomic.Int64).Store(int64(i + 1))
	}
	shown := s.Snapshot()
	assert.Len(t, shown, fields.NumField())
	values, names := map[int64]bool{}, map[string]bool{}
	for _, stat := range shown {
		values[stat.Value], names[stat.Name] = true, true
		assert.Regexp(t, "^[a-z_]+$", stat.Name)
		assert.NotEmpty(t, stat.Help)
		assert.NotContains(t, stat.Help, ".")
		assert.Equal(t, stat.Name == "connections" || stat.Name == "disk_waiting", stat.Gauge, stat.Name)
	}
	assert.Len(t, values, fields.NumField(), "a field is shown twice, and another one never")
	assert.Len(t, names, fields.NumField())
}
