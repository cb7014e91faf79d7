package scoreboard

import (
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// Request is what a thread was doing at one moment. Method and Target are the client's bytes: String quotes
// them, and so must whoever else shows them.
type Request struct {
	// Worker and Thread are the numbers of the slot on the board and of the thread in it.
	Worker, Thread int
	// Number is what Begin returned.
	Number uint64
	// Method and Target are as they were sent, but cut after 16 and 264 bytes. MethodLength and TargetLength
	// are the lengths as sent.
	Method, Target             string
	MethodLength, TargetLength int
	// Entered is when the thread entered Python, Moved when it last read or yielded a chunk, and Seen when the
	// record was read, all as [Now] gives it.
	Entered, Moved, Seen int64
	// Torn says that the record was never found at rest: the thread was just entering the request, or died
	// while it did. Method, Target and the times may be partly those of the request before.
	Torn bool
}

// Age returns for how long the thread had been in Python when the record was read.
func (r Request) Age() time.Duration { return time.Duration(r.Seen - r.Entered) }

// String returns one line for a log, all in visible ASCII, like
//
//	GET "/slow?x=1" for 3.2s on thread 4
func (r Request) String() string {
	s := quoteMethod(r.Method) + cut(r.Method, r.MethodLength) + " " +
		strconv.QuoteToASCII(r.Target) + cut(r.Target, r.TargetLength)
	s += fmt.Sprintf(" for %v on thread %d", roundForPeople(r.Age()), r.Thread)
	if r.Torn {
		s += " (just entering, record incomplete)"
	}
	return s
}

// LogValue returns the same as String.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// quoteMethod returns method as it is if it is letters and hyphens only, as all registered ones are, and
// quoted otherwise.
func quoteMethod(method string) string {
	for i := range len(method) {
		c := method[i]
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if c != '-' {
				return strconv.QuoteToASCII(method)
			}
		}
	}
	if method == "" {
		return `""`
	}
	return method
}

// cut says of a text that it was longer.
func cut(text string, length int) string {
	if length <= len(text) {
		return ""
	}
	return fmt.Sprintf("... (%d bytes)", length)
}

// roundForPeople leaves of d what a person wants to read, and no µ, which is not ASCII.
func roundForPeople(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
