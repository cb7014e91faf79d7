package http1

// forbiddenTrailers are fields that must not stand in a trailer section (RFC 9110, section 6.5.1): they frame the
// message, route it, change how it is handled, authenticate the client, or describe the content. Whoever merges
// trailers into the header section would believe them.
var forbiddenTrailers = [...]string{
	"authorization", "cache-control", "connection", "content-encoding", "content-length", "content-range", "content-type",
	"cookie", "expect", "forwarded", "host", "if-match", "if-modified-since", "if-none-match", "if-range",
	"if-unmodified-since", "keep-alive", "max-forwards", "pragma", "proxy-authorization", "proxy-connection", "range", "te",
	"trailer", "transfer-encoding", "upgrade", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port",
	"x-forwarded-prefix", "x-forwarded-proto", "x-real-ip",
}

// maxTrailerName is the length of the longest of them.
const maxTrailerName = 20

// trailerName collects the name of a trailer field, of which longer ones are cut.
type trailerName struct {
	name [maxTrailerName + 1]byte
	size uint8
}

func (t *trailerName) add(c byte) {
	if int(t.size) < len(t.name) {
		t.name[t.size] = c
		t.size++
	}
}

// ForbiddenTrailer reports whether a field must not stand in a trailer section, by its name in any case.
func ForbiddenTrailer(name string) bool {
	var t trailerName
	for i := range len(name) {
		t.add(name[i])
	}
	return t.forbidden()
}

// forbidden reports whether the name is one of [forbiddenTrailers].
func (t *trailerName) forbidden() bool {
	for _, name := range forbiddenTrailers {
		if isFold(t.name[:t.size], name) {
			return true
		}
	}
	return false
}
