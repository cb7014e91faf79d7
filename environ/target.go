package environ

import "bytes"

// splitTarget takes the path, still encoded, and the query out of a request-target (RFC 9112, section
// 3.2). The path is empty for the asterisk and the authority form, and only for those.
func splitTarget(method, target []byte) (path, query []byte, err error) {
	switch {
	case len(target) > 0 && target[0] == '/':
		path = target
	case string(target) == "*" && string(method) == "OPTIONS":
		return nil, nil, nil
	case string(method) == "CONNECT":
		return nil, nil, nil
	default:
		var ok bool
		if path, ok = cutAuthority(target); !ok {
			return nil, nil, &BadRequestError{Reason: "request-target is neither a path nor an absolute URI"}
		}
	}
	path, query, _ = bytes.Cut(path, questionMark)
	if len(path) == 0 {
		path = slash
	}
	return path, query, nil
}

var (
	questionMark = []byte("?")
	slash        = []byte("/")
)

// cutAuthority returns what follows scheme and authority in an absolute URI (RFC 3986, section 4.3).
// The scheme says nothing about the connection, so any will do.
func cutAuthority(target []byte) (rest []byte, ok bool) {
	scheme, after, found := bytes.Cut(target, []byte("://"))
	if !found || !isScheme(scheme) {
		return nil, false
	}
	end := bytes.IndexAny(after, "/?")
	if end < 0 {
		end = len(after)
	}
	return after[end:], end > 0
}

func isScheme(s []byte) bool {
	for i, c := range s {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !isDigit(c) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return len(s) > 0
}

// appendDecoded appends path with each %XX replaced by its byte, once. What is not a valid escape stays as
// it is: PATH_INFO is for the application to judge, and REQUEST_URI still has what was sent.
func appendDecoded(dst, path []byte) []byte {
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return append(dst, path...)
		}
		dst = append(dst, path[:i]...)
		path = path[i:]
		hi, lo := -1, -1
		if len(path) >= 3 {
			hi, lo = unhex(path[1]), unhex(path[2])
		}
		if hi < 0 || lo < 0 {
			dst = append(dst, '%')
			path = path[1:]
			continue
		}
		dst = append(dst, byte(hi<<4|lo))
		path = path[3:]
	}
}

func unhex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func isDigit(c byte) bool {
	return '0' <= c && c <= '9'
}
