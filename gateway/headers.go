package gateway

import (
	"strconv"
	"strings"

	"github.com/pyserve/pyserve/httpserver"
)

// hopByHop are the fields that belong to the connection, which is the server's ("PEP 3333, Other HTTP
// Features"; RFC 9110, section 7.6.1). Many applications send them all the same, so they are dropped
// rather than refused.
var hopByHop = map[string]bool{
	"connection":        true,
	"keep-alive":        true,
	"proxy-connection":  true,
	"te":                true,
	"trailer":           true,
	"trailers":          true,
	"transfer-encoding": true,
	"upgrade":           true,
}

// parseStatus takes "ddd reason" apart ("PEP 3333, The start_response() Callable"). An interim (1xx)
// status cannot be an application's answer.
func parseStatus(status string) (code int, reason string, err error) {
	if len(status) < 4 || status[3] != ' ' || !digits(status[:3]) {
		return 0, "", refuse(ValueError, "status must be three digits, a space and a reason phrase, such as '200 OK', not %q", status)
	}
	if i := invalidValueByte(status); i >= 0 {
		return 0, "", refuse(ValueError, "status %q contains the control character %#02x", status, status[i])
	}
	code, _ = strconv.Atoi(status[:3])
	if code < 200 {
		return 0, "", refuse(ValueError, "status %q is an interim one: an application answers with 200 or higher", status)
	}
	return code, status[4:], nil
}

// parseHead checks a status line and header list and makes a Head of them. dropped is called for every
// hop-by-hop field that is left out. fields is filtered in place.
func parseHead(status string, fields []httpserver.HeaderField, dropped func(name string)) (httpserver.Head, error) {
	head := httpserver.Head{ContentLength: -1}
	var err error
	if head.Status, head.Reason, err = parseStatus(status); err != nil {
		return head, err
	}
	head.Fields = fields[:0]
	for _, f := range fields {
		if err := checkField(f); err != nil {
			return head, err
		}
		switch {
		case len(f.Name) == len("Content-Length") && strings.EqualFold(f.Name, "Content-Length"):
			if head.ContentLength >= 0 {
				return head, refuse(ValueError, "the response has more than one Content-Length")
			}
			if head.ContentLength, err = parseLength(f.Value); err != nil {
				return head, err
			}
		case isHopByHop(f.Name):
			if strings.EqualFold(f.Name, "Connection") && hasToken(f.Value, "close") {
				head.Close = true
			} else {
				dropped(f.Name)
			}
		default:
			head.Fields = append(head.Fields, f)
		}
	}
	return head, nil
}

func isHopByHop(name string) bool {
	switch len(name) { // the lengths in hopByHop: keeps the usual field out of the map
	case 2, 7, 8, 10, 16, 17:
		return hopByHop[strings.ToLower(name)]
	}
	return false
}

func checkField(f httpserver.HeaderField) error {
	if f.Name == "" {
		return refuse(ValueError, "a response header has an empty name (value %q)", f.Value)
	}
	for i := 0; i < len(f.Name); i++ {
		if !isToken[f.Name[i]] {
			return refuse(ValueError, "response header name %q contains %q, which RFC 9110 does not allow in a name", f.Name, f.Name[i])
		}
	}
	if i := invalidValueByte(f.Value); i >= 0 {
		return refuse(ValueError, "the value of response header %q contains the control character %#02x", f.Name, f.Value[i])
	}
	return nil
}

// parseLength is strict (RFC 9110, section 8.6): digits only, no sign, no list.
func parseLength(value string) (int64, error) {
	if !digits(value) {
		value = strings.Trim(value, " \t")
	}
	if digits(value) {
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, refuse(ValueError, "Content-Length must be a number of bytes, not %q", value)
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// invalidValueByte returns the index of the first control character other than a tab (RFC 9110, section
// 5.5), or -1.
func invalidValueByte(s string) int {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return i
		}
	}
	return -1
}

func hasToken(list, token string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.Trim(item, " \t"), token) {
			return true
		}
	}
	return false
}

// isToken marks the bytes of a token (RFC 9110, section 5.6.2).
var isToken = func() (table [256]bool) {
	for c := '0'; c <= '9'; c++ {
		table[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		table[c], table[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		table[c] = true
	}
	return table
}()
