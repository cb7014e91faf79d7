package httpserver

import (
	"context"
	"time"
)

// Await waits until done returns true, which it is asked every 10 ms, or ctx is done: then the error is ctx's.
func Await(ctx context.Context, done func() bool) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
