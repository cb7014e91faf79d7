//go:build !linux

package importing

// listening returns nothing: nobody tells.
func listening(int) map[string]int { return map[string]int{} }
