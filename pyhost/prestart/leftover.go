//go:build !pyserve_extension

package prestart

import "os"

// A process that was to become a zygote, and has come as far as this with its variable still there, would take itself
// for another master, and start zygotes in its turn.
func init() {
	if os.Getenv("PYSERVE_ZYGOTE") != "" {
		_, _ = os.Stderr.WriteString("pyserve: applications cannot be preloaded on this system, or in a program without Python\n")
		os.Exit(1)
	}
}
