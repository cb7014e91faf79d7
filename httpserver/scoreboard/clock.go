package scoreboard

import "time"

// Now returns the time of the clock that the board's times are of: nanoseconds since some moment before all
// processes were started. On Linux it is CLOCK_MONOTONIC, so that times of different processes can be
// compared, to about a microsecond.
func Now() int64 { return At(time.Now()) }

// At returns t as [Now] would have at the moment when t was taken by time.Now: for who has it already.
func At(t time.Time) int64 { return clock.reading + int64(t.Sub(clock.taken)) }

// clock ties Go's monotonic clock, whose readings time.Time does not show, to the system's: they tick alike.
var clock = readClock()

type clockReading struct {
	taken   time.Time
	reading int64
}

// readClock takes the reading that was done in the shortest time of several: the process may lose its
// processor in between.
func readClock() (best clockReading) {
	shortest := time.Duration(-1)
	for range 5 {
		before := time.Now()
		reading := monotonic()
		took := time.Since(before)
		if shortest < 0 || took < shortest {
			shortest = took
			best = clockReading{before.Add(took / 2), reading}
		}
	}
	return best
}
