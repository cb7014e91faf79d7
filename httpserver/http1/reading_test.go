package http1_test

import (
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/pyserve/pyserve/httpserver/http1"
	"github.com/pyserve/pyserve/httpserver/internal/corpus"
)

const corpusDir = "../../testdata/requests"

// A reading is what was made of the bytes of a connection.
type reading struct {
	requests []corpus.Request
	refusal  *http1.Error
	// pending says that the bytes end within a request.
	pending bool
	// unread is how many bytes were not looked at, because of limit or refusal.
	unread int
}

// A reader is a connection as an engine has it, without the sockets: a buffer that moves, and the parser
// and the decoder in turns.
type reader struct {
	reading
	parser  http1.Parser
	decoder http1.ChunkedDecoder
	head    http1.Head
	buf     []byte
	limit   int // of requests; 0: none

	request *corpus.Request // whose content is being read
	body    []byte
	left    int64 // of the content, when it is not chunked
}

// read feeds the stream in the pieces that end at the cuts, up to so many requests (0: all of them).
func read(stream []byte, cuts []int, limit int) reading {
	r := reader{limit: limit}
	start := 0
	for _, end := range append(slices.Clone(cuts), len(stream)) {
		r.feed(stream[start:end])
		start = end
	}
	r.pending = r.refusal == nil && (r.request != nil || len(r.buf) > 0 && !r.full())
	r.unread = len(r.buf)
	return r.reading
}

func (r *reader) full() bool { return r.limit > 0 && len(r.requests) == r.limit }

// smallStream is up to where the buffer moves with every piece; beyond, that takes too long.
const smallStream = 4096

func (r *reader) feed(piece []byte) {
	if len(r.buf)+len(piece) <= smallStream {
		moved := slices.Concat(r.buf, piece)
		for i := range r.buf {
			r.buf[i] = '!' // whoever still looks here finds nothing good
		}
		r.buf = moved
	} else {
		r.buf = append(r.buf, piece...)
	}
	for r.refusal == nil && !r.full() && r.advance() {
	}
}

// advance reads as much of one thing as there is, and reports whether it came to its end.
func (r *reader) advance() bool {
	switch {
	case r.request == nil:
		return r.readHead()
	case r.request.Chunked:
		return r.readChunked()
	}
	n := min(int(r.left), len(r.buf))
	r.body = append(r.body, r.buf[:n]...)
	r.buf, r.left = r.buf[n:], r.left-int64(n)
	return r.left == 0 && r.finish()
}

func (r *reader) readHead() bool {
	n, err := r.parser.Parse(r.buf, nil, &r.head)
	if r.refuse(err); n == 0 {
		return false
	}
	h := &r.head
	r.request = &corpus.Request{
		Method: string(h.Method), Target: string(h.Target), Host: string(h.Host), Version: [...]string{"1.0", "1.1"}[h.Minor],
		ContentLength: h.ContentLength, Chunked: h.Chunked, KeepAlive: h.KeepAlive, ExpectContinue: h.ExpectContinue,
	}
	for _, f := range h.Fields {
		r.request.Fields = append(r.request.Fields, [2]string{string(f.Name), string(f.Value)})
	}
	r.buf, r.left = r.buf[n:], max(0, h.ContentLength)
	r.decoder.Reset()
	return true
}

func (r *reader) readChunked() bool {
	content, n, done, err := r.decoder.Decode(r.buf, r.buf)
	r.body = append(r.body, r.buf[:content]...)
	r.buf = r.buf[n:]
	r.refuse(err)
	return done && r.finish()
}

func (r *reader) refuse(err error) {
	if errors.As(err, &r.refusal) {
		r.request = nil
	} else if err != nil {
		panic(err) // every error of this package is an *Error
	}
}

func (r *reader) finish() bool {
	r.request.Body, r.body = string(r.body), r.body[:0]
	r.requests, r.request = append(r.requests, *r.request), nil
	return true
}

// randomCuts cuts n bytes into some pieces, most of them short.
func randomCuts(random *rand.Rand, n int) (cuts []int) {
	longest := 1 + random.IntN(100)
	for at := random.IntN(longest + 1); at < n; at += 1 + random.IntN(longest) {
		cuts = append(cuts, at)
	}
	return cuts
}
