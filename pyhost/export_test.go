package pyhost

import "log/slog"

// RedirectErrors sends the lines of wsgi.errors to l until restore is called.
func RedirectErrors(l *slog.Logger) (restore func()) {
	before := errorLog.Swap(l)
	return func() { errorLog.Store(before) }
}

// PassGenerations makes the threads believe that they have had so many requests more.
func PassGenerations(n uint64) {
	for i := range slots {
		slots[i].generation += n
	}
}
