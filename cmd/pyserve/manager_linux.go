package main

import (
	"github.com/pyserve/pyserve/cmd/pyserve/internal/supervise"
)

// passedSockets returns the descriptors of the sockets that the service manager has opened, none if it has not.
func passedSockets() ([]int, error) { return nil, nil }

// tellManager tells the service manager how this master is.
func tellManager(state supervise.State, status string) error { return nil }
