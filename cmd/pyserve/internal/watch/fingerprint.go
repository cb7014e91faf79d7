package watch

import (
	"hash/maphash"
	"io"
	"os"
)

// readLimit is the size up to which files are read to compare them. Larger ones have changed when their size or
// time has.
const readLimit = 16 << 20

var seed = maphash.MakeSeed()

// A fingerprint is what a file's content is known by.
type fingerprint struct {
	info os.FileInfo // nil for no file
	sum  uint64
	read bool // sum is that of the content
}

// fingerprintOf returns the fingerprint of a file, and false if there is none. The file is read only if its size, time or
// identity are not those of old, or it is suspect.
func fingerprintOf(path string, old fingerprint, suspect bool) (fingerprint, bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() { // to open a FIFO would block
		return fingerprint{}, false
	}
	if !suspect && old.info != nil && os.SameFile(info, old.info) && sameStat(info, old.info) {
		return old, true
	}
	now := fingerprint{info: info}
	now.sum, now.read = sum(path, info.Size())
	return now, true
}

// differs reports whether the content is another one. Mode, owner, access time, and the modification time of a file
// that was read are not content.
func (now fingerprint) differs(old fingerprint) bool {
	if now.read && old.read {
		return now.sum != old.sum
	}
	return !sameStat(now.info, old.info)
}

func sameStat(a, b os.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func sum(path string, size int64) (hash uint64, ok bool) {
	if size > readLimit {
		return 0, false
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer file.Close()
	var h maphash.Hash
	h.SetSeed(seed)
	if _, err := io.Copy(&h, io.LimitReader(file, readLimit)); err != nil {
		return 0, false
	}
	return h.Sum64(), true
}
