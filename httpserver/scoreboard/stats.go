package scoreboard

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Stats are all counters at one moment, of one worker or of several. They are read one after the other, so they need not
// agree with each other to the last one.
type Stats struct {
	values []int64 // by the lines of table
	// Duration is how long requests were in the application, and Queued how long they had waited for a thread before.
	Duration, Queued Histogram
}

// Stats returns what the worker has counted.
func (w *Worker) Stats() Stats {
	s := Stats{values: make([]int64, len(table))}
	for i, r := range table {
		s.values[i] = r.value(w)
	}
	for i := range w.threads {
		c := &w.threads[i].record.counters
		c.duration.addTo(&s.Duration)
		c.queued.addTo(&s.Queued)
	}
	return s
}

// Add adds another worker's.
func (s *Stats) Add(other Stats) {
	if s.values == nil {
		s.values = make([]int64, len(table))
	}
	for i, value := range other.values {
		s.values[i] += value
	}
	s.Duration.add(&other.Duration)
	s.Queued.add(&other.Queued)
}

// All returns the counters, always in the same order.
func (s *Stats) All() []Stat {
	all := make([]Stat, len(table))
	for i, r := range table {
		all[i] = r.stat
		if all[i].Family == "" {
			all[i].Family = all[i].Name
		}
		if s.values != nil {
			all[i].Value = s.values[i]
		}
	}
	return all
}

// Value returns the counter with that name; it panics if there is none.
func (s *Stats) Value(name string) int64 {
	i := slices.IndexFunc(table, func(r row) bool { return r.stat.Name == name })
	if i < 0 {
		panic("scoreboard: no counter " + name)
	}
	if s.values == nil {
		return 0
	}
	return s.values[i]
}

// Log writes the counters of what has happened that are not zero in one record; nothing if all are.
func (s *Stats) Log(log *slog.Logger) {
	var attrs []slog.Attr
	for _, stat := range s.All() {
		if stat.Value != 0 && !stat.Gauge && !strings.HasPrefix(stat.Name, "gil_") {
			attrs = append(attrs, slog.Int64(stat.Name, stat.Value))
		}
	}
	if len(attrs) == 0 {
		return
	}
	if s.Duration.Count() > 0 {
		attrs = append(attrs, slog.String("duration_p50", milliseconds(s.Duration.Quantile(0.5))), slog.String("duration_p99", milliseconds(s.Duration.Quantile(0.99))))
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, "totals", attrs...)
}

// milliseconds shows d in ASCII.
func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'g', 3, 64) + "ms"
}

// Summary is what JSON has of Stats.
type Summary struct {
	// Counters are by their names.
	Counters map[string]int64 `json:"counters"`
	Duration Percentiles      `json:"duration"`
	Queued   Percentiles      `json:"queued"`
}

// Percentiles are what a Summary has of a Histogram. Times are in seconds.
type Percentiles struct {
	Count int64   `json:"count"`
	Sum   float64 `json:"sum"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
}

// Summary returns s for JSON.
func (s *Stats) Summary() Summary {
	counters := make(map[string]int64, len(table))
	for _, stat := range s.All() {
		counters[stat.Name] = stat.Value
	}
	return Summary{Counters: counters, Duration: s.Duration.percentiles(), Queued: s.Queued.percentiles()}
}

func (h *Histogram) percentiles() Percentiles {
	return Percentiles{
		Count: h.Count(), Sum: h.Sum.Seconds(),
		P50: h.Quantile(0.5).Seconds(), P90: h.Quantile(0.9).Seconds(), P99: h.Quantile(0.99).Seconds(),
	}
}
