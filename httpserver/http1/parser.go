package http1

// Field is one header field line: the name in the client's spelling, the value without the white space
// around it. Both are slices of the connection's buffer, raw bytes and not UTF-8.
type Field struct {
	Name, Value []byte
}

// Head is what the head of a request says. The slices point into the buffer that was given to the call of
// [Parser.Parse] that completed it, and are good for as long as the bytes there stay.
type Head struct {
	// Method is the method as sent, case included.
	Method []byte
	// Target is the request target exactly as it stood in the request line.
	Target []byte
	// Host is the authority of an absolute-form target, else the value of the Host field; empty when
	// neither was sent.
	Host []byte
	// Minor is the version to answer by: 0 for HTTP/1.0, 1 for HTTP/1.1 and what claims to be higher.
	Minor int
	// Fields are the header fields in the order they came, without Transfer-Encoding. The memory of the
	// slice is used again by the next request that is parsed into this Head.
	Fields []Field
	// ContentLength is the value of Content-Length, -1 when it was not sent. Without it a request that is
	// not Chunked has no content (RFC 9112, section 6.3).
	ContentLength int64
	// Chunked says that the content follows in the chunked coding.
	Chunked bool
	// KeepAlive says that the client is ready for another request on this connection (RFC 9112, section 9.3).
	KeepAlive bool
	// ExpectContinue says that the client waits for 100 (Continue) before it sends the content that is to
	// follow (RFC 9110, section 10.1.1). It is false when no content follows.
	ExpectContinue bool
}

// Limits bound a request's head. Zero means the default; the defaults let 8 KiB targets, 7 kB cookies
// and 40 kB heads pass.
type Limits struct {
	// Target is the length of the target in bytes; more is 414. Default 16 KiB.
	Target int
	// Head is the length of the whole head in bytes, empty lines included; more is 431. Default 128 KiB.
	Head int
	// Fields is the number of header fields; more is 431. Default 200.
	Fields int
}

const (
	defaultTarget = 16 << 10
	defaultHead   = 128 << 10
	defaultFields = 200

	maxMethod = 64
	maxHead   = 1 << 30 // positions are kept in 32 bits
)

func orDefault(limit, standard int) int {
	if limit <= 0 {
		return standard
	}
	return limit
}

// A phase is the part of the head that is being read.
type phase uint8

const (
	atStart phase = iota
	inMethod
	inTarget
	inVersion
	inFields
	failed
)

// A span is a piece of the buffer by position, since the buffer may move between two calls.
type span struct {
	start, end uint32
}

func (s span) of(buf []byte) []byte { return buf[s.start:s.end:s.end] }

// Parser reads the head of one request after another. The zero value is ready. Between two requests it
// holds nothing of the connection, so that one Parser can serve many.
type Parser struct {
	phase phase
	err   *Error

	line uint32 // where the method, target, version or field line that is being read begins
	scan uint32 // up to where it has been looked at
	name uint32 // where the current field's name ends; 0 while it is being read

	method, target, authority, host span
	minor                           int
	count                           int // field lines, Transfer-Encoding included
	fields                          []fieldSpan
	repeats                         repeat
	framing
}

type fieldSpan struct {
	name, value span
}

// Reset forgets the request that is being read, or its error. It is not needed after a complete head.
func (p *Parser) Reset() {
	*p = Parser{fields: p.fields[:0]}
}

// Parse reads a request's head from buf, which holds all bytes received since the request began, and
// possibly more. It returns the length of the head once it is complete, with h filled; 0 when more bytes
// are needed. Then Parse is to be called again with all the bytes as before, which may have moved, and
// those that followed; it goes on where it stopped.
//
// An error is always an [*Error], and stays until [Parser.Reset]. Limits are applied as soon as the bytes
// are there, whether the line is complete or not. With an error h.Method and h.Target are set if they were
// read, for the log, else nil. A nil limits means the defaults.
func (p *Parser) Parse(buf []byte, limits *Limits, h *Head) (n int, err error) {
	if p.phase == failed {
		return 0, p.err
	}
	if limits == nil {
		limits = &Limits{}
	}
	// Whatever lies behind the limit is out of sight, so that a fault there is never seen first.
	headLimit := min(orDefault(limits.Head, defaultHead), maxHead)
	end, fault := p.read(buf[:min(len(buf), headLimit)], limits)
	if fault == nil && end == 0 && len(buf) >= headLimit {
		fault = errHeadLarge
	}
	if fault != nil {
		p.phase, p.err = failed, fault
		h.Method, h.Target = p.method.of(buf), p.target.of(buf)
		return 0, fault
	}
	if end > 0 {
		p.fill(h, buf)
		p.Reset()
	}
	return end, nil
}

// read goes through the phases as far as the bytes reach, and returns where the head ends, or 0.
func (p *Parser) read(buf []byte, limits *Limits) (end int, err *Error) {
	for {
		var done bool
		switch p.phase {
		case atStart:
			done, err = p.readStart(buf)
		case inMethod:
			done, err = p.readMethod(buf)
		case inTarget:
			done, err = p.readTarget(buf, orDefault(limits.Target, defaultTarget))
		case inVersion:
			done, err = p.readVersion(buf)
		case inFields:
			return p.readFields(buf, orDefault(limits.Fields, defaultFields))
		}
		if err != nil || !done {
			return 0, err
		}
		p.phase++
	}
}

// fill sets h to what was read.
func (p *Parser) fill(h *Head, buf []byte) {
	h.Method, h.Target = p.method.of(buf), p.target.of(buf)
	h.Host = p.host.of(buf)
	if p.authority.end > 0 {
		h.Host = p.authority.of(buf)
	}
	h.Minor = p.minor
	h.Fields = h.Fields[:0]
	for i := range p.fields {
		h.Fields = append(h.Fields, Field{p.fields[i].name.of(buf), p.fields[i].value.of(buf)})
	}
	h.ContentLength = -1
	if p.hasLength {
		h.ContentLength = p.length
	}
	h.Chunked = p.chunked
	h.KeepAlive = !p.close && (p.minor > 0 || p.keepAlive)
	h.ExpectContinue = p.expect && (p.chunked || p.length > 0)
}
