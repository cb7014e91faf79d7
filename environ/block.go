package environ

import (
	"encoding/binary"
	"iter"
	"math"
	"strconv"
)

// Block is the packed set of variables of one request, in the form that the package comment describes.
// It owns its bytes: nothing in it points into the request. The zero value is an empty block. A block
// keeps its memory from one request to the next, and is for one goroutine at a time.
type Block struct {
	buf    []byte
	fields *fieldSet // made by the first Build: a Block is copied about, and this is large
	path   []byte    // where a percent-encoded path is decoded
}

// Reset makes the block empty and keeps its memory.
func (b *Block) Reset() {
	b.buf = b.buf[:0]
}

// Bytes are the packed variables. They belong to the block and are valid until Reset or the next
// [Builder.Build].
func (b *Block) Bytes() []byte {
	return b.buf
}

// Get returns the value of one variable, valid as long as Bytes. It reads the block from its start: it
// is meant for tests and log lines.
func (b *Block) Get(name string) (value []byte, ok bool) {
	for n, v := range b.All() {
		if n == name {
			return v, true
		}
	}
	return nil, false
}

// All yields every variable once. The values are valid as long as Bytes.
func (b *Block) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for rest := b.buf; len(rest) > 0; {
			name, value, after := unpack(rest)
			if !yield(name, value) {
				return
			}
			rest = after
		}
	}
}

// unpack takes one entry off a well-formed packed block.
func unpack(p []byte) (name string, value, rest []byte) {
	key := binary.LittleEndian.Uint16(p)
	p = p[2:]
	if key == keyNamed {
		n := int(binary.LittleEndian.Uint16(p))
		name, p = string(p[2:2+n]), p[2+n:]
	} else {
		name = keyNames[key]
	}
	n := int(binary.LittleEndian.Uint32(p))
	p = p[4:]
	return name, p[:n:n], p[n:]
}

// begin starts the entry of a known name; the value is appended to b.buf, then the entry ended.
func (b *Block) begin(key uint16) (mark int) {
	b.buf = binary.LittleEndian.AppendUint16(b.buf, key)
	return b.beginValue()
}

// beginNamed starts the entry of a name that is not in Keys. The caller has checked its length.
func (b *Block) beginNamed(name []byte) (mark int) {
	b.buf = binary.LittleEndian.AppendUint16(b.buf, keyNamed)
	b.buf = binary.LittleEndian.AppendUint16(b.buf, uint16(len(name)))
	b.buf = append(b.buf, name...)
	return b.beginValue()
}

func (b *Block) beginValue() (mark int) {
	b.buf = append(b.buf, 0, 0, 0, 0)
	return len(b.buf)
}

// end completes the entry whose begin returned mark.
func (b *Block) end(mark int) {
	binary.LittleEndian.PutUint32(b.buf[mark-4:], uint32(len(b.buf)-mark))
}

// putExtra adds a variable whose name may be one of Keys. One that is there already is the last of its name then.
func (b *Block) putExtra(name, value string) {
	if len(name) > math.MaxUint16 {
		return
	}
	mark := b.beginNamed([]byte(name))
	b.buf = append(b.buf, value...)
	b.end(mark)
}

func (b *Block) put(key uint16, value []byte) {
	mark := b.begin(key)
	b.buf = append(b.buf, value...)
	b.end(mark)
}

func (b *Block) putString(key uint16, value string) {
	mark := b.begin(key)
	b.buf = append(b.buf, value...)
	b.end(mark)
}

func (b *Block) putUint(key uint16, n uint64) {
	mark := b.begin(key)
	b.buf = strconv.AppendUint(b.buf, n, 10)
	b.end(mark)
}
