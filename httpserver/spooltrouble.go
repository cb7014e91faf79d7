package httpserver

import (
	"errors"
	"log/slog"
)

// SpoolTrouble logs that a [Spool] has failed, at most once a second for each of its four lines. The zero value
// works.
type SpoolTrouble struct{ requestBound, requestFailed, responseBound, responseFailed Throttle }

// Request logs that the content of a request is refused because its Spool, which is in folder, failed with err.
func (t *SpoolTrouble) Request(log *slog.Logger, folder string, err error) {
	if errors.Is(err, ErrSpoolDisk) {
		t.requestBound.Log(log, "refused with 503: no room for the content of a request: all temporary files together have reached their limit", "option", "SpoolDisk")
		return
	}
	t.requestFailed.Error(log, "refused with 503: no room for the content of a request; repair the spool directory, or choose another one",
		"folder", folder, "error", err)
}

// Response logs that a response is not spooled, and its handler waits for the client, because its Spool, which
// is in folder, failed with err.
func (t *SpoolTrouble) Response(log *slog.Logger, folder string, err error) {
	if errors.Is(err, ErrSpoolDisk) {
		t.responseBound.Log(log, "a response waits for a slow client: all temporary files together have reached their limit", "option", "SpoolDisk")
		return
	}
	t.responseFailed.Error(log, "a response waits for a slow client: it cannot be kept; repair the spool directory, or choose another one",
		"folder", folder, "error", err)
}
