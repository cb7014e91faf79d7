package scoreboard

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// balancing are the fields of Counters that are shown to nobody.
var balancing = map[string]bool{"Answers": true, "Polling": true, "Hindered": true, "Address": true}

func TestEveryCounterIsShownOnce(t *testing.T) {
	w := Private(1)
	counters := reflect.ValueOf(w.Counters()).Elem()
	want := map[int64]string{}
	for i := range counters.NumField() {
		name := counters.Type().Field(i).Name
		if name == "_" {
			continue
		}
		switch field := counters.Field(i).Addr().Interface().(type) {
		case *atomic.Int64:
			field.Store(int64(i + 1))
		case *atomic.Uint64:
			field.Store(uint64(i + 1))
		default:
			continue
		}
		if !balancing[name] {
			want[int64(i+1)] = name
		}
	}
	names := map[string]bool{}
	s := w.Stats()
	for _, stat := range s.All() {
		delete(want, stat.Value)
		assert.False(t, names[stat.Name], stat.Name)
		names[stat.Name] = true
		assert.Regexp(t, "^[a-z0-9_]+(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|)$", stat.Name)
		assert.NotEmpty(t, stat.Help)
		assert.NotContains(t, stat.Help, ".")
		assert.Equal(t, stat.Value, s.Value(stat.Name))
	}
	assert.Empty(t, want, "fields of Counters that nobody sees")
	assert.Panics(t, func() { s.Value("no_such_counter") })
}

func TestWhatAThreadCounts(t *testing.T) {
	w := Private(2)
	for i, a := range []Answered{
		{Status: 200, Method: []byte("GET"), Sent: 10, Duration: int64(time.Millisecond), Queued: 5},
		{Status: 304, Method: []byte("HEAD")},
		{Status: 404, Method: []byte("POST"), Received: 7},
		{Status: 503, Method: []byte("BREW")},
		{Status: 200, Method: []byte("GET"), Aborted: true},
		{Method: []byte("GET")},
	} {
		thread := w.Thread(i % 2)
		thread.Begin(1, a.Method, nil)
		thread.Count(&a)
		thread.End()
	}
	w.Thread(1).Begin(1, []byte("GET"), nil)
	s := w.Stats()
	for name, want := range map[string]int64{
		"requests": 7, "threads_busy": 1, "responses_2xx": 1, "responses_3xx": 1, "responses_4xx": 1, "responses_5xx": 1,
		"responses_aborted": 2, "methods_GET": 3, "methods_HEAD": 1, "methods_POST": 1, "methods_PUT": 0, "methods_other": 1,
		"bytes_received": 7, "bytes_sent": 10,
	} {
		assert.Equal(t, want, s.Value(name), name)
	}
	assert.EqualValues(t, 6, s.Duration.Count())
	assert.Equal(t, time.Millisecond, s.Duration.Sum)
	assert.EqualValues(t, 5, s.Queued.Sum)
}

func TestAnAnswerOfTheServersOwnIsCountedByItsStatus(t *testing.T) {
	w := Private(1)
	for _, status := range []int{400, 413, 500, 503} {
		w.Counters().Own(status)
	}
	s := w.Stats()
	assert.Equal(t, []int64{2, 2, 1}, []int64{s.Value("own_4xx"), s.Value("own_5xx"), s.Value("refused")})
}

func TestWhatWorkersHaveCountedOutlivesThem(t *testing.T) {
	b := newBoardFor(t, 2, 1)
	for range 3 { // lives
		for i := range 2 {
			w := b.Worker(i)
			w.Reset(1)
			w.Counters().Connections.Add(1)
			w.Counters().TooLarge.Add(2)
			w.Thread(0).Begin(1, []byte("GET"), nil)
			w.Thread(0).Count(&Answered{Status: 200, Duration: int64(time.Second)})
		}
	}
	b.Worker(1).Release()
	s := b.Stats()
	assert.Equal(t, []int64{6, 12, 6, 1, 1}, []int64{s.Value("requests"), s.Value("too_large"), s.Value("responses_2xx"),
		s.Value("connections"), s.Value("threads_busy")}, "what is there now is that of the living")
	assert.Equal(t, 6*time.Second, s.Duration.Sum)
	assert.EqualValues(t, 6, s.Duration.Count())
	assert.EqualValues(t, 6, s.Queued.Count())
}

func TestStatsAreLoggedInOneRecord(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	w := Private(1)
	s := w.Stats()
	s.Log(log)
	assert.Empty(t, out.String(), "there is nothing to say")
	w.Counters().Connections.Add(3)
	w.Counters().QueueAged.Add(2)
	w.Thread(0).Begin(1, []byte("GET"), nil)
	w.Thread(0).Count(&Answered{Status: 200, Duration: int64(time.Millisecond)})
	s = w.Stats()
	s.Log(log)
	assert.Regexp(t, `^time=\S+ level=INFO msg=totals requests=1 responses_2xx=1 methods_other=1 queue_aged=2 duration_p50=1\.\d+ms duration_p99=1\.\d+ms\n$`, out.String())
}

func TestASummaryComesThroughJSON(t *testing.T) {
	w := Private(1)
	w.Counters().Failed.Add(4)
	w.Thread(0).Count(&Answered{Status: 200, Duration: int64(time.Second)})
	s := w.Stats()
	text, err := json.Marshal(s.Summary())
	require.NoError(t, err)
	var back Summary
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, s.Summary(), back)
	assert.EqualValues(t, 4, back.Counters["failed"])
	assert.InEpsilon(t, 1, back.Duration.P99, 0.25)
	assert.Len(t, back.Counters, len(table))
}
