package supervise

import (
	"log/slog"
	"time"
)

// Options are the supervisor's. The zero value of each is usable.
type Options struct {
	// Workers is the number of workers, W; less than 1 means 1.
	Workers int

	// Surge bounds the processes that may live beyond W while workers are replaced; 0 means W, as many as
	// gunicorn and nginx have in a reload. Only one successor starts at a time, so the peak is usually W+1;
	// the rest of the bound is used by old workers that take long to drain. Waiting for each of them before
	// the next one starts (Surge 1) saves their memory, but a reload with long downloads then takes up to W
	// times GracefulTimeout.
	Surge int

	// Slots bounds the processes that may live at any time, and so the numbers in Spec.Slot; it must
	// be more than Workers, or nothing can be replaced. 0 means no bound.
	Slots int

	// GracefulTimeout is how long a worker may take to leave gracefully before it is told to quit; 0 means 30 s.
	GracefulTimeout time.Duration

	// KillDelay is how long a worker that was told to quit may take before it is killed; 0 means 5 s.
	KillDelay time.Duration

	// StartTimeout is how long a worker may take to become ready before it is killed, and how long Prepare may take;
	// an upgrade may take three times as long, as the new master does both and starts more workers. 0 means forever.
	StartTimeout time.Duration

	// StableAfter is how long a worker must have been ready for its crash to count as the first one again;
	// 0 means 60 s.
	StableAfter time.Duration

	// MaxMemory is the resident size in bytes beyond which a worker is replaced; 0 means no limit.
	MaxMemory int64

	// MaxAge is the time after which a ready worker is replaced, and MaxAgeJitter what is at most added to it,
	// different for each worker, so that they do not all come due together. 0 means never, and MaxAge/10.
	MaxAge, MaxAgeJitter time.Duration

	// Log is where records go; nil means slog.Default().
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Workers = max(o.Workers, 1)
	o.GracefulTimeout = orElse(o.GracefulTimeout, 30*time.Second)
	o.KillDelay = orElse(o.KillDelay, 5*time.Second)
	o.StableAfter = orElse(o.StableAfter, time.Minute)
	o.MaxAgeJitter = orElse(o.MaxAgeJitter, o.MaxAge/10)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func orElse(value, otherwise time.Duration) time.Duration {
	if value > 0 {
		return value
	}
	return otherwise
}
