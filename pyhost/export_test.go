package pyhost

import "log/slog"

// RedirectErrors sends the lines of wsgi.errors to l until restore is called.
func RedirectErrors(l *slog.Logger) (restore func()) {
	before := errorLog.Swap(l)
	return func() { errorLog.Store(before) }
}
