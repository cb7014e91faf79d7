package http1

import (
	"encoding/binary"
	"math/bits"
)

// A class is what a byte may be part of.
type class uint8

const (
	tokenByte  class = 1 << iota // tchar (RFC 9110, section 5.6.2)
	targetByte                   // a byte of a request target: see the package comment
	valueByte                    // a byte of a field value: HTAB, SP, VCHAR, obs-text (RFC 9110, section 5.5)
	hostByte                     // a byte of a reg-name without percent escapes (RFC 3986, section 3.2.2)
	spaceByte                    // OWS: SP, HTAB
)

// classes has the classes of each byte.
var classes = makeClasses()

func makeClasses() (table [256]class) {
	add := func(set string, c class) {
		for i := range len(set) {
			table[set[i]] |= c
		}
	}
	const alnum = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	add(alnum, tokenByte|hostByte)
	add("!#$%&'*+-.^_`|~", tokenByte)
	add("-._~"+"!$&'()*+,;=", hostByte)
	add("\t ", spaceByte|valueByte)
	for b := 0x21; b < 0x100; b++ {
		if b != 0x7f {
			table[b] |= targetByte | valueByte
		}
	}
	table['#'] &^= targetByte
	return table
}

// isAll reports whether every byte of b belongs to c.
func isAll(b []byte, c class) bool {
	for _, x := range b {
		if classes[x]&c == 0 {
			return false
		}
	}
	return true
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int64 {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0')
	case 'a' <= c && c <= 'f':
		return int64(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int64(c-'A') + 10
	}
	return -1
}

// isFold reports whether b is the text lower, which is in lower case, in any case.
func isFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// trim returns b without the OWS around it.
func trim(b []byte) []byte {
	for len(b) > 0 && classes[b[0]]&spaceByte != 0 {
		b = b[1:]
	}
	for len(b) > 0 && classes[b[len(b)-1]]&spaceByte != 0 {
		b = b[:len(b)-1]
	}
	return b
}

// nextControl returns the index of the first byte of b from i on that may not be part of a field value, or
// len(b). It takes eight bytes at a time, because this is where most of a head's bytes are.
func nextControl(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		del := x ^ 0x7f*ones
		// The lowest bit set is exact; those above it may come from a borrow.
		found := ((x-0x20*ones)&^x | (del-ones)&^del) & highs
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) / 8
		if b[i] != '\t' {
			return i
		}
		i++
	}
	for i < len(b) && classes[b[i]]&valueByte != 0 {
		i++
	}
	return i
}
