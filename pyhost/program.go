//go:build !pyserve_extension

package pyhost

import "C"

// Extension says that this is the extension module of a Python that was there first.
const Extension = false

func runProgram(_, _, _ **C.char) int { panic("this is not the extension module") }

func (h *Host) enterLent([]string) error { return nil }

func checkLentVenv(string) error { return nil }
