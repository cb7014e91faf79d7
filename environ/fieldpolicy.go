package environ

import "bytes"

// fieldPolicy says which fields the application gets to see.
type fieldPolicy struct {
	underscores HeaderMap
	dropped     droppedLog
}

// admit reports whether a field is kept. field is its name as sent, name the upper-cased form, and key
// what headerKeys has for it.
func (p *fieldPolicy) admit(field, name []byte, key uint16) (keep bool, err error) {
	switch {
	case key == fieldProxy:
		// HTTP_PROXY is what many HTTP clients take for their proxy setting (httpoxy, CVE-2016-5385).
		p.dropped.note(field, name, "HTTP_PROXY would pass for the environment variable")
		return false, nil
	case bytes.IndexByte(field, '_') < 0:
		return true, nil
	case p.underscores == Refuse:
		return false, &BadRequestError{Reason: "header field name with an underscore"}
	case p.underscores == Drop:
		p.dropped.note(field, name, "a name with '_' would pass for the one with '-'")
		return false, nil
	case key == fieldLength, key == fieldHidden, key == keyContentType:
		p.dropped.note(field, name, "the server itself reads the name with '-'")
		return false, nil
	}
	return true, nil
}
