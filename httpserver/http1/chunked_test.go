package http1_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver/http1"
)

const chunks = "5;a=b\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX: y\r\n\r\n"

func TestContentIsDecodedInPlace(t *testing.T) {
	buf := []byte(chunks + "GET /next")
	var decoder http1.ChunkedDecoder
	content, n, done, err := decoder.Decode(buf, buf)
	require.NoError(t, err)
	assert.True(t, done)
	assert.Equal(t, "hello world", string(buf[:content]))
	assert.Equal(t, "GET /next", string(buf[n:]))
}

func TestDecodingStopsWhereThereIsNoRoom(t *testing.T) {
	for size := range 12 {
		var decoder http1.ChunkedDecoder
		var content []byte
		src, room := []byte(chunks), make([]byte, size)
		for calls := 0; ; calls++ {
			got, n, done, err := decoder.Decode(room, src)
			require.NoError(t, err)
			content, src = append(content, room[:got]...), src[n:]
			if done {
				assert.Equal(t, "hello world", string(content))
				assert.Empty(t, src)
				break
			}
			if size == 0 {
				assert.Equal(t, "hello\r\n", string(src[:7]), "all but the content is taken without room")
				break
			}
			require.Less(t, calls, 20, "no progress")
		}
	}
}

func TestTheEndNeedsNoRoom(t *testing.T) {
	var decoder http1.ChunkedDecoder
	got, n, done, err := decoder.Decode(nil, []byte("0\r\n\r\n"))
	require.NoError(t, err)
	assert.True(t, done)
	assert.Zero(t, got)
	assert.Equal(t, 5, n)
}

func TestNothingIsTakenAfterTheEnd(t *testing.T) {
	var decoder http1.ChunkedDecoder
	buf := []byte(chunks)
	_, _, done, _ := decoder.Decode(buf, buf)
	require.True(t, done)
	got, n, done, err := decoder.Decode(buf, []byte("5\r\n"))
	require.NoError(t, err)
	assert.Zero(t, got)
	assert.Zero(t, n)
	assert.True(t, done)
	decoder.Reset()
	_, n, done, err = decoder.Decode(buf, []byte("5\r\n"))
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	assert.False(t, done)
}

func TestContentBeforeAFaultIsDelivered(t *testing.T) {
	var decoder http1.ChunkedDecoder
	buf := []byte("5\r\nhello\r\nx")
	got, n, done, err := decoder.Decode(buf, buf)
	require.EqualError(t, err, "400: the chunk size is not a hexadecimal number")
	assert.Equal(t, "hello", string(buf[:got]))
	assert.Equal(t, 10, n)
	assert.False(t, done)
	_, n, _, again := decoder.Decode(buf, []byte("0\r\n\r\n"))
	assert.Same(t, err, again, "a fault stays until Reset")
	assert.Zero(t, n)
}

func TestTheLargestChunkIsTheLargestInt64(t *testing.T) {
	var decoder http1.ChunkedDecoder
	buf := []byte("7fffffffffffffff\r\nabc")
	got, n, done, err := decoder.Decode(buf, buf)
	require.NoError(t, err)
	assert.Equal(t, 3, got)
	assert.Len(t, buf, n)
	assert.False(t, done)
}

func TestExtensionsMayGrowWithTheContent(t *testing.T) {
	extension := ";" + strings.Repeat("x", 1999)
	for _, test := range []struct {
		name    string
		chunk   string
		refused bool
	}{
		{"2,000 bytes around little content", "1" + extension + "\r\na\r\n", true},
		{"2,000 bytes around content that allows for them", "7d00" + extension + "\r\n" + strings.Repeat("a", 0x7d00) + "\r\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var decoder http1.ChunkedDecoder
			src := []byte(strings.Repeat(test.chunk, 3) + "0\r\n\r\n")
			_, _, done, err := decoder.Decode(src, src)
			assert.Equal(t, test.refused, err != nil)
			assert.Equal(t, !test.refused, done)
		})
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	src, dst := []byte(chunks), make([]byte, 100)
	var decoder http1.ChunkedDecoder
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		decoder.Reset()
		for i := range src {
			if _, _, _, err := decoder.Decode(dst, src[i:i+1]); err != nil {
				t.Fatal(err)
			}
		}
	}))
}
