package httpserver

import "fmt"

// longestLine is how long a line of the access log may be with its end: more than goes into a pipe as a whole (PIPE_BUF in
// pipe(7)) could be torn by another process's lines, and its rest, which a client has written, look like a line.
const longestLine = pipeBuf

// What is left of each field in a line that would be longer, in bytes as written. The rest of a line has less than 700.
const (
	methodLeft = 32
	targetLeft = 1900
	headerLeft = 600 // Referer and User-Agent
)

// shortened returns e with what fits into a line. What was cut off ends with its true length.
func (e *AccessEntry) shortened() *AccessEntry {
	short := *e
	short.Method, short.Target = shorten(e.Method, methodLeft), shorten(e.Target, targetLeft)
	short.Referer, short.UserAgent = shorten(e.Referer, headerLeft), shorten(e.UserAgent, headerLeft)
	return &short
}

func shorten(value []byte, room int) []byte {
	const longestEscape = len(`\u0000`)
	for i, c := range value {
		cost := longestEscape
		if c >= ' ' && c <= '~' && c != '"' && c != '\\' {
			cost = 1
		}
		if room -= cost; room < 0 {
			return fmt.Appendf(nil, "%s...(%d bytes)", value[:i], len(value))
		}
	}
	return value
}
