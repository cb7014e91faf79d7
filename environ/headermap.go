package environ

import "fmt"

// HeaderMap says what becomes of field names with an underscore. A variable's name has '_' for both '-'
// and '_', so that X_Forwarded_For could pass for the X-Forwarded-For that a proxy has checked.
type HeaderMap uint8

const (
	// Drop leaves such fields out and logs each name once.
	Drop HeaderMap = iota
	// Refuse makes Build return a [BadRequestError].
	Refuse
	// Allow treats '_' as '-', but for the names that have a meaning for the server itself
	// (Content_Length, Content_Type, Transfer_Encoding), which are dropped all the same, and
	// X_Forwarded_*, which is passed on and never believed.
	Allow
)

var headerMapNames = [...]string{Drop: "drop", Refuse: "refuse", Allow: "allow"}

// String returns "drop", "refuse" or "allow".
func (m HeaderMap) String() string {
	if int(m) < len(headerMapNames) {
		return headerMapNames[m]
	}
	return fmt.Sprintf("HeaderMap(%d)", uint8(m))
}

// ParseHeaderMap is the inverse of String. The error names the word and the ones there are.
func ParseHeaderMap(s string) (HeaderMap, error) {
	for m, name := range headerMapNames {
		if s == name {
			return HeaderMap(m), nil
		}
	}
	return Drop, fmt.Errorf("header map %q: must be drop, refuse or allow", s)
}
