package httpserver

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestHowLongAClientIsWaitedFor(t *testing.T) {
	const second = time.Second
	for _, tt := range []struct {
		name string
		rate int
		left time.Duration
		n    int64
		want time.Duration
	}{
		{"that has moved nothing", 100, 10 * second, 0, 10 * second},
		{"that moves at the rate", 100, 10 * second, 500, 15 * second},
		{"that was fast, which buys no more than the grace", 100, 10 * second, 10 << 20, 30 * second},
		{"that moves a byte now and then", 100, second, 1, second + 10*time.Millisecond},
		{"that is late, and too slow still", 100, -2 * second, 100, -second},
		{"that has moved more than can be counted", 1, 0, math.MaxInt64, 30 * second},
		{"without a rate, and silent", -1, 10 * second, 0, 10 * second},
		{"without a rate, after a byte", -1, 10 * second, 1, 30 * second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, LeastRate{Rate: tt.rate, Grace: 30 * second}.Left(tt.left, tt.n))
		})
	}
}
