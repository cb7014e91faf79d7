package http1_test

import (
	"bytes"
	"regexp"
	"strconv"
)

// Grammar of RFC 9112, section 7.1 as this package reads it, whole lines at a time.
var (
	chunkLine   = regexp.MustCompile(`^([0-9A-Fa-f]{1,16})((?:;[\t\x20-\x7e\x80-\xff]*)?)$`)
	trailerLine = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\\t\\x20-\\x7e\\x80-\\xff]*$")
	noTrailer   = regexp.MustCompile(`^(?i:(proxy-)?authorization|cache-control|(proxy-)?connection|content-(encoding|length|range|type)|` +
		`cookie|expect|forwarded|host|if-(match|modified-since|none-match|range|unmodified-since)|keep-alive|max-forwards|pragma|` +
		`range|te|trailer|transfer-encoding|upgrade|x-forwarded-(for|host|port|prefix|proto)|x-real-ip):`)
)

// latin1 lets a regular expression see bytes.
func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

// modelChunked decodes chunked content that is there as a whole. It reports false when it is not complete
// or not right.
func modelChunked(coded []byte) (content, rest []byte, complete bool) {
	extensions := 0
	for {
		line, after, ok := bytes.Cut(coded, []byte("\r\n"))
		match := chunkLine.FindStringSubmatch(latin1(line))
		if !ok || match == nil {
			return nil, nil, false
		}
		size, err := strconv.ParseInt(match[1], 16, 64)
		extensions += len([]rune(match[2]))
		if err != nil || extensions > 2048 {
			return nil, nil, false
		}
		if size == 0 {
			rest, complete = modelTrailers(after)
			return content, rest, complete
		}
		extensions = max(0, extensions-int(size/16))
		if size > int64(len(after)) {
			return nil, nil, false
		}
		content = append(content, after[:size]...)
		if coded, ok = bytes.CutPrefix(after[size:], []byte("\r\n")); !ok {
			return nil, nil, false
		}
	}
}

// modelTrailers skips a trailer section.
func modelTrailers(section []byte) (rest []byte, ok bool) {
	bytesLeft := 8 << 10
	for fields := 0; fields <= 64; fields++ {
		line, after, ok := bytes.Cut(section, []byte("\r\n"))
		if !ok || bytesLeft < len(line)+1 {
			return nil, false
		}
		if len(line) == 0 {
			return after, true
		}
		if text := latin1(line); !trailerLine.MatchString(text) || noTrailer.MatchString(text) {
			return nil, false
		}
		bytesLeft -= len(line) + 2
		section = after
	}
	return nil, false
}
