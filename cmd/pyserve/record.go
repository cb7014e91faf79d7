package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Whatever text comes from a client or the application, each line that is written begins with what is ours (a time,
// "pyserve: ") or with the indentation: nobody can forge a record. A line is no longer than what goes into a pipe as a whole
// (PIPE_BUF in pipe(7)), so that those of several processes do not mix.
const (
	indentation = "    "
	longestLine = 4096 // with its end
)

// appendRecord appends text, whose lines after the first are indented, and continued on another line where they are too
// long. What is not for terminals is escaped.
func appendRecord(b []byte, text string) []byte {
	start := len(b)
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b = append(b, indentation...)
		}
		for _, piece := range pieces(line) {
			if len(b)-start+len(piece) >= longestLine {
				b = append(append(b, '\n'), indentation...)
				start = len(b) - len(indentation)
			}
			b = append(b, piece...)
		}
		b = append(b, '\n')
		start = len(b)
	}
	return b
}

// pieces takes a line apart into runes, escaped where they must be.
func pieces(line string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		for i := 0; i < len(line); {
			r, size := utf8.DecodeRuneInString(line[i:])
			piece := line[i : i+size]
			if r == utf8.RuneError && size == 1 || dangerous(r) {
				piece = escaped(piece)
			}
			if !yield(i, piece) {
				return
			}
			i += size
		}
	}
}

// dangerous reports whether a terminal, an editor or a log reader might take r for a command, for the end of a line, or
// show what follows in another order.
func dangerous(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' && r != '\t' || r == 0x7f
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// escaped returns a rune, or a byte that is none, as Go and Python write it in a string.
func escaped(piece string) string { return strings.Trim(strconv.QuoteToASCII(piece), `"`) }

// oneLine makes one line of text.
func oneLine(text string) string {
	if strings.Contains(text, "\n") {
		return strings.ReplaceAll(text, "\n", `\n`)
	}
	return text
}

// visible is text for one line of a terminal or a table.
func visible(text string) string {
	var b strings.Builder
	for _, piece := range pieces(oneLine(text)) {
		b.WriteString(piece)
	}
	return b.String()
}

// visibleJSON escapes what JSON does not have to: such text stands in strings only.
func visibleJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case !dangerous(r) || r == '\n':
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// quoted is how the value of an attribute is shown.
func quoted(value string) string {
	if strings.ContainsAny(value, " \"=") || strings.ContainsFunc(value, dangerous) || !utf8.ValidString(value) {
		return strconv.Quote(value)
	}
	return value
}

// say prints a line to standard error that no log level hides. Further lines of it are indented.
func say(format string, args ...any) {
	_, _ = stderr.Write(appendRecord(nil, strings.TrimRight("pyserve: "+fmt.Sprintf(format, args...), "\n")))
}
