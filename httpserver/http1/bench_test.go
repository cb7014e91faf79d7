package http1_test

import (
	"bytes"
	"testing"

	"github.com/pyserve/pyserve/httpserver/http1"
)

func BenchmarkParse(b *testing.B) {
	for _, bench := range []struct{ name, request string }{
		{"ten fields", hello},
		{"wrk", "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"},
		{"curl", "GET /hello HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			buf := []byte(bench.request)
			var parser http1.Parser
			var head http1.Head
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				if n, err := parser.Parse(buf, nil, &head); n != len(buf) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkParsePerByte shows that no byte is looked at twice: it grows with the length, not its square.
func BenchmarkParsePerByte(b *testing.B) {
	buf := []byte(hello)
	var parser http1.Parser
	var head http1.Head
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		for end := 1; end <= len(buf); end++ {
			if _, err := parser.Parse(buf[:end], nil, &head); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkDecodeChunked(b *testing.B) {
	src := append(bytes.Repeat([]byte("400\r\n"+string(make([]byte, 1024))+"\r\n"), 64), "0\r\n\r\n"...)
	dst := make([]byte, len(src))
	var decoder http1.ChunkedDecoder
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		decoder.Reset()
		if _, _, done, err := decoder.Decode(dst, src); !done || err != nil {
			b.Fatal(done, err)
		}
	}
}
