package scoreboard

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestABucketHoldsWhatIsBelowItsBoundAndNotWhatIsAbove(t *testing.T) {
	for bucket := range histogramBuckets - 1 {
		bound := uint64(BucketBound(bucket))
		assert.Equal(t, bucket, bucketOf(bound-1), bucket)
		assert.Equal(t, bucket+1, bucketOf(bound), bucket)
		if bucket >= 4 {
			assert.LessOrEqual(t, float64(bound), 1.25*float64(BucketBound(bucket-1)), "the bounds are at most a quarter apart")
		}
	}
	assert.Zero(t, bucketOf(0))
	assert.Equal(t, histogramBuckets-1, bucketOf(math.MaxInt64))
	assert.Greater(t, BucketBound(histogramBuckets-2), 7*time.Minute)
}

func TestQuantiles(t *testing.T) {
	var shared histogram
	var h Histogram
	shared.addTo(&h)
	assert.Zero(t, h.Quantile(0.5), "there is nothing")
	for i := range 100 {
		shared.record(int64(i+1) * int64(time.Millisecond))
	}
	shared.record(-1)
	shared.addTo(&h)
	assert.EqualValues(t, 101, h.Count())
	assert.Equal(t, 5050*time.Millisecond, h.Sum)
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 50 * time.Millisecond, 0.9: 90 * time.Millisecond, 0.99: 99 * time.Millisecond, 1: 100 * time.Millisecond} {
		got := h.Quantile(q)
		assert.GreaterOrEqual(t, got, want, q)
		assert.LessOrEqual(t, got, want*5/4+1<<histogramUnit, q)
	}
}
