//go:build !pyserve_extension

package main

import "github.com/pyserve/pyserve/cmd/pyserve/internal/process"

// running returns the file that starts this program once more.
func running() string { return process.Running }
