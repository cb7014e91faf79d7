package http1

// A chunkState is what the next byte belongs to (RFC 9112, section 7.1).
type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkExtension
	chunkSizeLF
	chunkContent
	chunkContentCR
	chunkContentLF
	trailerStart
	trailerField
	trailerValue
	trailerLF
	chunkedLF // of the empty line at the end
	chunkedDone
)

const (
	// maxChunkDigits keeps leading zeros from being sent without end.
	maxChunkDigits = 16
	// maxExtension is how many bytes of extensions may come, where every extensionRefill bytes of content
	// allow for one more: a signature in every chunk of a long upload passes, padding does not.
	maxExtension    = 2 << 10
	extensionRefill = 16
	// The trailer section is read only to be discarded, so it gets less room than a head.
	maxTrailer       = 8 << 10
	maxTrailerFields = 64
)

// ChunkedDecoder decodes content in the chunked coding (RFC 9112, section 7.1). The zero value is ready.
// It keeps no bytes: all that Decode has taken can be overwritten.
//
// The content itself is not limited; what surrounds it is: the digits of a size, the extensions, and the
// trailer section.
type ChunkedDecoder struct {
	state      chunkState
	digits     uint8 // of the size so far
	size       int64 // the size so far; then the bytes of the chunk that are still to come
	extensions int64 // bytes of extensions, less what the content allowed for
	trailer    int   // bytes of the trailer section
	name       trailerName
	fields     int // lines of the trailer section
	err        *Error
}

// Reset makes the decoder ready for the content of another request.
func (d *ChunkedDecoder) Reset() { *d = ChunkedDecoder{} }

// Decode takes coded bytes from src and copies the content among them to dst, which may begin where src
// does: the content never gets ahead of what was taken. It stops when src is used up, when dst is full and
// more content is there, or at the end, where done is true and src[nsrc:] is the next request. Trailer
// fields are checked and discarded.
//
// An error is always an [*Error], and stays until [ChunkedDecoder.Reset]; the ndst bytes of content before
// it were copied. Content that ends before done is for the caller to notice.
func (d *ChunkedDecoder) Decode(dst, src []byte) (ndst, nsrc int, done bool, err error) {
	if d.err != nil {
		return 0, 0, false, d.err
	}
	for d.state != chunkedDone && nsrc < len(src) {
		if d.state == chunkContent {
			room := min(len(dst)-ndst, len(src)-nsrc)
			n := int(min(d.size, int64(room)))
			if n == 0 {
				break
			}
			copy(dst[ndst:], src[nsrc:nsrc+n])
			ndst, nsrc = ndst+n, nsrc+n
			if d.size -= int64(n); d.size == 0 {
				d.state = chunkContentCR
			}
			continue
		}
		if d.err = d.step(src[nsrc]); d.err != nil {
			return ndst, nsrc, false, d.err
		}
		nsrc++
	}
	return ndst, nsrc, d.state == chunkedDone, nil
}

// step takes one byte that is not content.
func (d *ChunkedDecoder) step(c byte) *Error {
	switch d.state {
	case chunkSize:
		return d.stepSize(c)
	case chunkExtension:
		return d.stepExtension(c)
	case chunkSizeLF:
		return d.startChunk(c)
	case chunkContentCR:
		return d.expect(c, '\r', chunkContentLF, errChunkEnd)
	case chunkContentLF:
		d.digits = 0
		return d.expect(c, '\n', chunkSize, errChunkEnd)
	case chunkedLF:
		return d.expect(c, '\n', chunkedDone, errBareCR)
	}
	return d.stepTrailer(c)
}

// expect goes to the next state if c is what has to come.
func (d *ChunkedDecoder) expect(c, wanted byte, next chunkState, otherwise *Error) *Error {
	if c != wanted {
		return otherwise
	}
	d.state = next
	return nil
}

func (d *ChunkedDecoder) stepSize(c byte) *Error {
	digit := hexDigit(c)
	switch {
	case digit >= 0:
		if d.digits == maxChunkDigits || d.size > (1<<63-1)>>4 {
			return errChunkRange
		}
		d.digits++
		d.size = d.size<<4 | digit
	case d.digits > 0 && c == ';':
		d.state = chunkExtension
		return d.countExtension()
	case d.digits > 0 && c == '\r':
		d.state = chunkSizeLF
	case d.digits > 0 && c == '\n':
		return errBareLF
	default:
		return errChunkSize
	}
	return nil
}

func (d *ChunkedDecoder) stepExtension(c byte) *Error {
	switch {
	case c == '\r':
		d.state = chunkSizeLF
		return nil
	case c == '\n':
		return errBareLF
	case classes[c]&valueByte == 0:
		return errChunkExtension
	}
	return d.countExtension()
}

func (d *ChunkedDecoder) countExtension() *Error {
	if d.extensions++; d.extensions > maxExtension {
		return errExtensionLong
	}
	return nil
}

// startChunk goes on to what follows the size: content, or the trailer section after the last chunk.
func (d *ChunkedDecoder) startChunk(c byte) *Error {
	if d.size == 0 {
		return d.expect(c, '\n', trailerStart, errBareCR)
	}
	d.extensions = max(0, d.extensions-d.size/extensionRefill)
	return d.expect(c, '\n', chunkContent, errBareCR)
}

// stepTrailer reads the trailer section (RFC 9112, section 7.1.2) by the rules of header fields.
func (d *ChunkedDecoder) stepTrailer(c byte) *Error {
	if d.trailer++; d.trailer > maxTrailer {
		return errTrailersLarge
	}
	switch d.state {
	case trailerStart:
		return d.startTrailer(c)
	case trailerField:
		if classes[c]&tokenByte != 0 {
			d.name.add(c)
			return nil
		}
		if c == ':' && d.name.forbidden() {
			return errTrailer
		}
		return d.expect(c, ':', trailerValue, nameError(c, false))
	case trailerValue:
		if classes[c]&valueByte != 0 {
			return nil
		}
		return d.expect(c, '\r', trailerLF, valueError(c))
	}
	return d.expect(c, '\n', trailerStart, errBareCR)
}

func (d *ChunkedDecoder) startTrailer(c byte) *Error {
	switch {
	case c == '\r':
		d.state = chunkedLF
		return nil
	case classes[c]&spaceByte != 0:
		return errFold
	case classes[c]&tokenByte == 0:
		return nameError(c, true)
	case d.fields == maxTrailerFields:
		return errTrailersMany
	}
	d.fields++
	d.name.size = 0
	d.name.add(c)
	d.state = trailerField
	return nil
}
