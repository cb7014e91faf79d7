package environ

import (
	"bytes"
	"hash/maphash"
	"math"

	"github.com/pyserve/pyserve/httpserver"
)

// fieldSet groups the fields of one request by the variable they become. Field names are the client's:
// the hash of names not in Keys is seeded, so that finding repetitions takes linear time for any names.
type fieldSet struct {
	groups    []fieldGroup
	next      []int32              // next[i] is the field after field i in its group, or -1
	known     [len(keyNames)]int32 // group of a name in Keys, plus one
	table     []int32              // open addressing: group of another name, plus one
	names     []byte               // the names of those groups, one after the other
	hasLength bool                 // Content-Length was sent
	recent    [32]recentName       // of the field in each place, as it was last sent with a known name
}

// recentName is a field name that was found in headerKeys. The requests of a connection mostly have the same
// fields in the same order, spelt alike, so that to compare with it is to find most names.
type recentName struct {
	key  uint16
	size uint8 // 0: none
	sent [maxRecentName]byte
}

// maxRecentName is the longest name that is remembered; all that are frequent are shorter.
const maxRecentName = 28

// fieldGroup is the fields that become one variable, in the order they came.
type fieldGroup struct {
	key         uint16 // keyNamed: the name is names[nameStart:nameEnd]
	nameStart   int
	nameEnd     int
	first, last int32
}

var nameSeed = maphash.MakeSeed()

// reset makes room for n fields, none of them seen.
func (s *fieldSet) reset(n int) {
	s.groups = s.groups[:0]
	s.names = s.names[:0]
	s.hasLength = false
	clear(s.known[:])
	if cap(s.next) < n {
		s.next = make([]int32, n)
	}
	s.next = s.next[:n]
	size := 16 // at most half full, and a power of two
	for size < 2*n {
		size *= 2
	}
	if cap(s.table) < size {
		s.table = make([]int32, size)
	}
	s.table = s.table[:size]
	clear(s.table)
}

// collect puts every field into its group, but for those that policy keeps from the application.
func (s *fieldSet) collect(policy *fieldPolicy, fields []httpserver.Field) error {
	s.reset(len(fields))
	for i := range fields {
		if err := s.add(policy, int32(i), fields[i].Name); err != nil {
			return err
		}
	}
	return nil
}

func (s *fieldSet) add(policy *fieldPolicy, i int32, field []byte) error {
	if key, ok := s.recall(i, field); ok {
		s.addKnown(key, i)
		return nil
	}
	start := len(s.names)
	s.names = append(s.names, httpPrefix...)
	s.names = upperName(s.names, field)
	name := s.names[start+len(httpPrefix):]
	key, ok := headerKeys[string(name)]
	if !ok {
		key = keyNamed
	}
	keep, err := policy.admit(field, name, key)
	if err == nil && keep && key == keyNamed {
		return s.addNamed(start, i)
	}
	s.names = s.names[:start]
	if err != nil || !keep {
		return err
	}
	s.remember(i, field, key)
	s.addKnown(key, i)
	return nil
}

// addKnown adds field i, for which headerKeys has key.
func (s *fieldSet) addKnown(key uint16, i int32) {
	if key == fieldLength {
		s.hasLength = true
	}
	if int(key) < len(s.known) { // Host and Transfer-Encoding, for two, become nothing here
		s.addTo(&s.known[key], fieldGroup{key: key}, i)
	}
}

// recall returns what headerKeys has for field i, if it has the name that was remembered in its place.
func (s *fieldSet) recall(i int32, field []byte) (key uint16, ok bool) {
	if int(i) >= len(s.recent) {
		return 0, false
	}
	r := &s.recent[i]
	return r.key, r.size > 0 && string(r.sent[:r.size]) == string(field)
}

// remember keeps the name of field i. A name with an underscore is the policy's to judge each time.
func (s *fieldSet) remember(i int32, field []byte, key uint16) {
	if int(i) >= len(s.recent) || len(field) > maxRecentName || bytes.IndexByte(field, '_') >= 0 {
		return
	}
	r := &s.recent[i]
	r.key, r.size = key, uint8(copy(r.sent[:], field))
}

// addNamed adds field i, whose variable's name lies in s.names from start on.
func (s *fieldSet) addNamed(start int, i int32) error {
	name := s.names[start:]
	if len(name) > math.MaxUint16 {
		return &BadRequestError{Reason: "header field name too long"}
	}
	slot := s.slot(name)
	if *slot != 0 {
		s.names = s.names[:start]
	}
	s.addTo(slot, fieldGroup{key: keyNamed, nameStart: start, nameEnd: start + len(name)}, i)
	return nil
}

// addTo appends field i to the group that slot holds; an empty slot gets the group fresh.
func (s *fieldSet) addTo(slot *int32, fresh fieldGroup, i int32) {
	s.next[i] = -1
	if *slot == 0 {
		fresh.first, fresh.last = i, i
		s.groups = append(s.groups, fresh)
		*slot = int32(len(s.groups))
		return
	}
	g := &s.groups[*slot-1]
	s.next[g.last] = i
	g.last = i
}

// slot finds where in the table the group of a name is, or is to be.
func (s *fieldSet) slot(name []byte) *int32 {
	mask := uint64(len(s.table) - 1)
	for h := maphash.Bytes(nameSeed, name); ; h++ {
		slot := &s.table[h&mask]
		if *slot == 0 || bytes.Equal(s.name(&s.groups[*slot-1]), name) {
			return slot
		}
	}
}

func (s *fieldSet) name(g *fieldGroup) []byte {
	return s.names[g.nameStart:g.nameEnd]
}

// pack appends one entry for each group: repeated fields joined by "," (RFC 9110, section 5.3), cookies
// by "; " (RFC 9113, section 8.2.3).
func (s *fieldSet) pack(b *Block, fields []httpserver.Field) {
	for i := range s.groups {
		g := &s.groups[i]
		separator := ","
		if g.key == keyHTTPCookie {
			separator = "; "
		}
		var mark int
		if g.key == keyNamed {
			mark = b.beginNamed(s.name(g))
		} else {
			mark = b.begin(g.key)
		}
		b.buf = append(b.buf, fields[g.first].Value...)
		for f := s.next[g.first]; f >= 0; f = s.next[f] {
			b.buf = append(b.buf, separator...)
			b.buf = append(b.buf, fields[f].Value...)
		}
		b.end(mark)
	}
}

// upperName appends a field name as it stands in a variable's name: upper-cased, '_' for '-'
// (RFC 3875, section 4.1.18).
func upperName(dst, name []byte) []byte {
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case c == '-':
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}
