package http1

// A repeat is a set of the fields below that were sent, one bit each.
type repeat uint16

const (
	sentContentType repeat = 1 << iota
	sentAuthorization
	sentProxyAuthorization
	sentContentRange
	sentRange
	sentIfRange
	sentIfModifiedSince
	sentIfUnmodifiedSince
	sentMaxForwards
)

// singleton returns the bit of a field that has one value and stands once at most (RFC 9110, section 5.3): two of
// them have no common meaning, and each server, and each application, would believe another one. Content-Length,
// Host and Transfer-Encoding have errors of their own. It returns 0 for every other field.
func singleton(name []byte) repeat {
	switch len(name) {
	case len("range"):
		return bitOf(name, "range", sentRange)
	case len("if-range"):
		return bitOf(name, "if-range", sentIfRange)
	case len("content-type"): // and "max-forwards"
		return bitOf(name, "content-type", sentContentType) | bitOf(name, "max-forwards", sentMaxForwards)
	case len("authorization"): // and "content-range"
		return bitOf(name, "authorization", sentAuthorization) | bitOf(name, "content-range", sentContentRange)
	case len("if-modified-since"):
		return bitOf(name, "if-modified-since", sentIfModifiedSince)
	case len("proxy-authorization"): // and "if-unmodified-since"
		return bitOf(name, "proxy-authorization", sentProxyAuthorization) | bitOf(name, "if-unmodified-since", sentIfUnmodifiedSince)
	}
	return 0
}

func bitOf(name []byte, lower string, bit repeat) repeat {
	if isFold(name, lower) {
		return bit
	}
	return 0
}

// Singleton reports whether a field stands once at most, by its name in any case.
func Singleton(name string) bool { return singleton([]byte(name)) != 0 }

// once notes a field, and refuses the second one of a [singleton].
func (r *repeat) once(name []byte) *Error {
	bit := singleton(name)
	if *r&bit != 0 {
		return errRepeated
	}
	*r |= bit
	return nil
}
