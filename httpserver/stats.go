package httpserver

import (
	"errors"

	"github.com/pyserve/pyserve/httpserver/scoreboard"
)

// CountNoRoom counts a request whose content could not be spooled because of err.
func CountNoRoom(c *scoreboard.Counters, err error) {
	count := &c.SpoolFailures
	if errors.Is(err, ErrSpoolDisk) {
		count = &c.SpoolDiskRefusals
	}
	count.Add(1)
}
