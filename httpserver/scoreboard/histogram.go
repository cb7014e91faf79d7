package scoreboard

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram's buckets are log-linear: four to each doubling, so that a bucket's bounds are at most a quarter apart. The
// first four are histogramUnit wide; the last one has all that is longer than nine minutes.
const (
	histogramUnit    = 14 // the binary logarithm of nanoseconds: 16 µs
	histogramBuckets = 96
)

// histogram is one in shared memory, with one writer.
type histogram struct {
	sum    uint64 // nanoseconds
	counts [histogramBuckets]uint64
}

// record counts a duration in nanoseconds.
func (h *histogram) record(ns int64) {
	ns = max(ns, 0)
	addWord(&h.sum, uint64(ns))
	addWord(&h.counts[bucketOf(uint64(ns))], 1)
}

func bucketOf(ns uint64) int {
	v := ns >> histogramUnit
	if v < 4 {
		return int(v)
	}
	shift := bits.Len64(v) - 3
	return min(4*shift+int(v>>shift), histogramBuckets-1)
}

// BucketBound returns the upper bound of the bucket with that number, from 0.
func BucketBound(bucket int) time.Duration {
	if bucket < 4 {
		return time.Duration(bucket+1) << histogramUnit
	}
	return time.Duration(bucket%4+5) << (bucket/4 - 1) << histogramUnit
}

// add counts what s has counted.
func (h *histogram) add(s *Histogram) {
	addWord(&h.sum, uint64(s.Sum))
	for i, count := range s.Counts {
		addWord(&h.counts[i], uint64(count))
	}
}

// addTo adds what h has counted to s.
func (h *histogram) addTo(s *Histogram) {
	s.Sum += time.Duration(atomic.LoadUint64(&h.sum))
	for i := range h.counts {
		s.Counts[i] += int64(atomic.LoadUint64(&h.counts[i]))
	}
}

// Histogram is how long many things took. Counts is by bucket, see [BucketBound].
type Histogram struct {
	Sum    time.Duration
	Counts [histogramBuckets]int64
}

// Count returns how many things there were.
func (h *Histogram) Count() (n int64) {
	for _, count := range h.Counts {
		n += count
	}
	return n
}

// Quantile returns a time within which the share q of all things, from 0 to 1, was over: the upper bound of a bucket. It is
// 0 if there were none.
func (h *Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	rest := max(int64(q*float64(n)+0.5), 1)
	for i, count := range h.Counts {
		if rest -= count; rest <= 0 {
			return BucketBound(i)
		}
	}
	return BucketBound(histogramBuckets - 1)
}

func (h *Histogram) add(other *Histogram) {
	h.Sum += other.Sum
	for i, count := range other.Counts {
		h.Counts[i] += count
	}
}
