package http1

import "bytes"

// framing is what the fields say about the content and about the connection.
type framing struct {
	length           int64
	hasLength        bool
	chunked          bool
	close, keepAlive bool
	expect           bool
}

// set takes note of a field that is about the message itself, and ignores others.
func (f *framing) set(name, value []byte, minor int) *Error {
	switch {
	case isFold(name, "content-length"):
		return f.setLength(value)
	case isFold(name, "connection"):
		f.setConnection(value)
	case isFold(name, "expect") && minor > 0 && len(value) > 0:
		if !isFold(value, "100-continue") {
			return errUnknownExpect
		}
		f.expect = true
	}
	return nil
}

// setLength reads Content-Length (RFC 9110, section 8.6).
func (f *framing) setLength(value []byte) *Error {
	switch {
	case f.hasLength:
		return errLengthTwice
	case f.chunked:
		return errLengthChunked
	case len(value) == 0:
		return errLength
	}
	const largest = 1<<63 - 1
	inRange := true
	for _, c := range value {
		if !isDigit(c) {
			return errLength
		}
		digit := int64(c - '0')
		inRange = inRange && f.length <= (largest-digit)/10
		if inRange {
			f.length = f.length*10 + digit
		}
	}
	if !inRange {
		return errLengthRange
	}
	f.hasLength = true
	return nil
}

// setCoding reads Transfer-Encoding (RFC 9112, section 6.1).
func (f *framing) setCoding(value []byte, minor int) *Error {
	switch {
	case minor == 0:
		return errCoding10
	case f.hasLength:
		return errLengthChunked
	case f.chunked:
		return errCodingTwice
	case !isFold(value, "chunked"):
		return codingError(value)
	}
	f.chunked = true
	return nil
}

// codingError distinguishes a list that names a coding unknown here from one that is wrong anywhere.
func codingError(list []byte) *Error {
	for last := false; !last; {
		var coding []byte
		coding, list, last = cutElement(list)
		name, _, _ := bytes.Cut(coding, []byte{';'})
		name = trim(name)
		switch {
		case len(name) == 0 || !isAll(name, tokenByte):
			return errCoding
		case isFold(name, "chunked") && (!last || len(name) != len(coding)):
			return errCoding
		}
	}
	return errUnknownCoding
}

// setConnection reads Connection (RFC 9110, section 7.6.1), which may stand more than once.
func (f *framing) setConnection(list []byte) {
	for last := false; !last; {
		var option []byte
		option, list, last = cutElement(list)
		switch {
		case isFold(option, "close"):
			f.close = true
		case isFold(option, "keep-alive"):
			f.keepAlive = true
		}
	}
}

// cutElement returns the first element of a comma-separated list without the white space around it, and
// what follows it.
func cutElement(list []byte) (element, rest []byte, last bool) {
	comma := bytes.IndexByte(list, ',')
	if comma < 0 {
		return trim(list), nil, true
	}
	return trim(list[:comma]), list[comma+1:], false
}
