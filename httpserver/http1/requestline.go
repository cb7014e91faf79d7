package http1

import "bytes"

// tlsHandshake is the first byte of a TLS connection (RFC 8446, section 5.1).
const tlsHandshake = 0x16

// readStart skips one empty line (RFC 9112, section 2.2).
func (p *Parser) readStart(buf []byte) (done bool, err *Error) {
	if len(buf) == 0 {
		return false, nil
	}
	if buf[0] != '\r' {
		return true, nil
	}
	if len(buf) == 1 {
		return false, nil
	}
	if buf[1] != '\n' {
		return false, errBareCR
	}
	p.line, p.scan = 2, 2
	return true, nil
}

func (p *Parser) readMethod(buf []byte) (done bool, err *Error) {
	start := int(p.line)
	window := buf[:min(len(buf), start+maxMethod+1)]
	i := int(p.scan)
	for i < len(window) && classes[window[i]]&tokenByte != 0 {
		i++
	}
	p.scan = uint32(i)
	if i == len(window) {
		if i > start+maxMethod {
			return false, errMethodLong
		}
		return false, nil
	}
	if window[i] != ' ' || i == start {
		return false, methodError(window[i], i-start, start > 0)
	}
	p.method = span{p.line, p.scan}
	p.line, p.scan = p.scan+1, p.scan+1
	return true, nil
}

// methodError says what is wrong with a request line whose method, of length bytes, ends in c.
func methodError(c byte, length int, afterEmptyLine bool) *Error {
	switch {
	case c == tlsHandshake && length == 0 && !afterEmptyLine:
		return errTLS
	case c == '\r' && length == 0:
		return errEmptyLines
	case c == '\n' && length == 0:
		return errBareLF
	case c == '\r' || c == '\n':
		return errNoTarget
	case classes[c]&spaceByte != 0 && length == 0:
		return errSpaceFirst
	}
	return errMethod
}

func (p *Parser) readTarget(buf []byte, limit int) (done bool, err *Error) {
	start := int(p.line)
	window := buf
	if len(buf)-start > limit {
		window = buf[:start+limit+1]
	}
	i := int(p.scan)
	for i < len(window) && classes[window[i]]&targetByte != 0 {
		i++
	}
	p.scan = uint32(i)
	if i == len(window) {
		if i-start > limit {
			return false, errTargetLong
		}
		return false, nil
	}
	if window[i] != ' ' || i == start {
		return false, targetError(window[i], i == start)
	}
	p.target = span{p.line, p.scan}
	p.line, p.scan = p.scan+1, p.scan+1
	return true, nil
}

// targetError says what is wrong with a target that c ends.
func targetError(c byte, empty bool) *Error {
	switch {
	case c == ' ' && empty:
		return errSpaces
	case (c == '\r' || c == '\n') && empty:
		return errNoTarget
	case c == '\r' || c == '\n':
		return errNoVersion
	case c == '#':
		return errFragment
	}
	return errTargetControl
}

// versionWindow is how far the end of the request line is looked for before it is taken for no version.
// It leaves room for a word or two of a target with spaces, which then is named as such.
const versionWindow = 64

func (p *Parser) readVersion(buf []byte) (done bool, err *Error) {
	rest := buf[p.line:min(len(buf), int(p.line)+versionWindow)]
	lf := bytes.IndexByte(rest, '\n')
	if lf < 0 {
		if len(rest) < versionWindow {
			return false, nil
		}
		return false, versionError(rest)
	}
	line, ok := bytes.CutSuffix(rest[:lf], []byte{'\r'})
	switch {
	case len(line) != len("HTTP/1.1") || string(line[:5]) != "HTTP/" || !isDigit(line[5]) || line[6] != '.' || !isDigit(line[7]):
		return false, versionError(line)
	case !ok:
		return false, errBareLF
	case line[5] != '1':
		if line[5] == '2' && string(p.method.of(buf)) == "PRI" {
			return false, errHTTP2OnPlain
		}
		return false, errVersion
	}
	p.minor = min(int(line[7]-'0'), 1)
	p.line += uint32(lf + 1)
	p.scan = p.line
	return true, p.checkTarget(buf)
}

// versionError says what is wrong with what stands where the version should.
func versionError(line []byte) *Error {
	if i := bytes.IndexAny(line, " \r"); i >= 0 && line[i] == ' ' {
		return errTargetSpace
	} else if i >= 0 {
		return errBareCR
	}
	return errVersionSyntax
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
