//go:build !linux

package httpserver

import "os"

// DefaultSpoolDir is where temporary files are put if nobody says otherwise: os.TempDir().
func DefaultSpoolDir() string { return os.TempDir() }
