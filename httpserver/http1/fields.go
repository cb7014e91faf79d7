package http1

// readFields reads field lines (RFC 9112, section 5) up to the empty line, and returns where the head
// ends, or 0 when more bytes are needed.
func (p *Parser) readFields(buf []byte, limit int) (end int, err *Error) {
	for {
		line := int(p.line)
		if line >= len(buf) {
			return 0, nil
		}
		if c := buf[line]; c == '\r' {
			if line+1 == len(buf) {
				return 0, nil
			}
			if buf[line+1] != '\n' {
				return 0, errBareCR
			}
			return line + 2, p.endFields()
		} else if p.scan == p.line {
			if err := p.startField(c, limit); err != nil {
				return 0, err
			}
		}
		done, err := p.readField(buf)
		if err != nil || !done {
			return 0, err
		}
	}
}

// startField looks at the first byte of a field line.
func (p *Parser) startField(c byte, limit int) *Error {
	switch {
	case classes[c]&spaceByte != 0 && p.count == 0:
		return errLeadingSpace
	case classes[c]&spaceByte != 0:
		return errFold
	case classes[c]&tokenByte == 0:
		return nameError(c, true)
	case p.count == limit:
		return errFieldsMany
	}
	p.count++
	return nil
}

// readField reads one field line, of which some may have been read before.
func (p *Parser) readField(buf []byte) (done bool, err *Error) {
	i := int(p.scan)
	if p.name == 0 {
		for i < len(buf) && classes[buf[i]]&tokenByte != 0 {
			i++
		}
		p.scan = uint32(i)
		if i == len(buf) {
			return false, nil
		}
		if buf[i] != ':' {
			return false, nameError(buf[i], false)
		}
		p.name = p.scan
		i++
	}
	i = nextControl(buf, i)
	p.scan = uint32(i)
	if i == len(buf) {
		return false, nil
	}
	if buf[i] != '\r' {
		return false, valueError(buf[i])
	}
	if i+1 == len(buf) {
		return false, nil
	}
	if buf[i+1] != '\n' {
		return false, errBareCR
	}
	err = p.endField(buf, i)
	p.line, p.scan, p.name = p.scan+2, p.scan+2, 0
	return true, err
}

// endField notes the field whose line ends before position end.
func (p *Parser) endField(buf []byte, end int) *Error {
	start := int(p.name) + 1
	for start < end && classes[buf[start]]&spaceByte != 0 {
		start++
	}
	for end > start && classes[buf[end-1]]&spaceByte != 0 {
		end--
	}
	field := fieldSpan{span{p.line, p.name}, span{uint32(start), uint32(end)}}
	name, value := field.name.of(buf), field.value.of(buf)
	switch len(name) {
	case len("host"):
		if isFold(name, "host") {
			if err := p.setHost(field.value, value); err != nil {
				return err
			}
		}
	case len("transfer-encoding"):
		if isFold(name, "transfer-encoding") {
			return p.framing.setCoding(value, p.minor)
		}
	case len("content-length"), len("connection"), len("expect"):
		if err := p.framing.set(name, value, p.minor); err != nil {
			return err
		}
	}
	if err := p.repeats.once(name); err != nil {
		return err
	}
	p.fields = append(p.fields, field)
	return nil
}

func (p *Parser) setHost(at span, value []byte) *Error {
	if p.host.end > 0 {
		return errHostTwice
	}
	if _, _, ok := cutPort(value); !ok {
		return errHost
	}
	p.host = at
	return nil
}

// endFields checks what only shows at the end of the head.
func (p *Parser) endFields() *Error {
	if p.host.end == 0 && p.minor > 0 {
		return errHostMissing
	}
	return nil
}

// nameError says what is wrong with a field name that c ends, or with the first byte of a line.
func nameError(c byte, first bool) *Error {
	switch {
	case c == ':' && first:
		return errEmptyName
	case c == '\n' && first:
		return errBareLF
	case c == '\r' || c == '\n':
		return errNoColon
	case classes[c]&spaceByte != 0:
		return errSpaceColon
	}
	return errName
}

// valueError says what is wrong with a field value that ends in the control c.
func valueError(c byte) *Error {
	if c == '\n' {
		return errBareLF
	}
	return errValue
}
