package environ

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

func TestThePackedForm(t *testing.T) {
	var b Block
	b.putString(keyPathInfo, "/ab")
	mark := b.beginNamed([]byte("HTTP_X"))
	b.end(mark)
	assert.Equal(t, []byte("\x02\x00\x03\x00\x00\x00/ab"+"\xff\xff\x06\x00HTTP_X\x00\x00\x00\x00"), b.Bytes())
	assert.Equal(t, "PATH_INFO", Keys[2])
}

func TestKeysAreDistinctAndFarFromTheirReservedValues(t *testing.T) {
	seen := make(map[string]bool)
	for _, name := range Keys {
		assert.NotEmpty(t, name)
		assert.False(t, seen[name], name)
		seen[name] = true
	}
	assert.NotContains(t, Keys, "HTTP_CONTENT_TYPE")
	assert.NotContains(t, Keys, "HTTP_CONTENT_LENGTH")
	assert.NotContains(t, Keys, "HTTP_PROXY")
	assert.NotContains(t, Keys, "HTTP_TRANSFER_ENCODING")
	assert.Less(t, len(Keys), int(fieldProxy))
}

func TestNamesInKeysAreNeverPackedByName(t *testing.T) {
	r := get("/")
	for _, name := range Keys {
		if field, ok := strings.CutPrefix(name, httpPrefix); ok {
			r.Fields = append(r.Fields, get("/", strings.ReplaceAll(field, "_", "-")+": a").Fields...)
		}
	}
	r.Host = []byte("a")
	bd, err := NewBuilder(Config{})
	require.NoError(t, err)
	var b Block
	require.NoError(t, bd.Build(&b, r))
	assert.Empty(t, b.fields.names, "names in Keys take no memory")
	assert.Len(t, vars(t, &b), len(Keys)-len([]string{"CONTENT_TYPE", "CONTENT_LENGTH"}))
}

func TestARepeatedNameIsHeldOnce(t *testing.T) {
	bd, err := NewBuilder(Config{})
	require.NoError(t, err)
	var b Block
	require.NoError(t, bd.Build(&b, get("/", "X-Own: a", "x-own: b", "X-OWN: c")))
	assert.Equal(t, "HTTP_X_OWN", string(b.fields.names))
}

func TestGetFindsWhatIsThere(t *testing.T) {
	var b Block
	_, ok := b.Get("PATH_INFO")
	assert.False(t, ok)
	bd, err := NewBuilder(Config{})
	require.NoError(t, err)
	require.NoError(t, bd.Build(&b, get("/a", "X-Own: b")))
	value, ok := b.Get("HTTP_X_OWN")
	assert.True(t, ok)
	assert.Equal(t, "b", string(value))
	_, ok = b.Get("HTTP_X_OTHER")
	assert.False(t, ok)
}

func TestABlockIsReusable(t *testing.T) {
	bd, err := NewBuilder(Config{})
	require.NoError(t, err)
	large, small := get("/%61"+strings.Repeat("a", 5000)), get("/%62", "Accept: x", "X-Own: y")
	for range 500 {
		large.Fields = append(large.Fields, get("/", "Accept: a", "Cookie: b", "X-Own: c", "X-More: d", "Content-Length: 0").Fields...)
	}
	var used, fresh Block
	require.NoError(t, bd.Build(&used, large))
	require.NoError(t, bd.Build(&used, small))
	require.NoError(t, bd.Build(&fresh, small))
	assert.Equal(t, fresh.Bytes(), used.Bytes())

	used.Reset()
	assert.Empty(t, used.Bytes())
	assert.NotZero(t, cap(used.buf), "Reset keeps the memory")
}

func TestABlockDoesNotPointIntoTheRequest(t *testing.T) {
	r := get("/path?query", "Host: host", "Accept: value", "X-Own: value")
	bd, err := NewBuilder(Config{})
	require.NoError(t, err)
	var b Block
	require.NoError(t, bd.Build(&b, r))
	before := string(b.Bytes())
	for _, p := range [][]byte{r.Target, r.Method, r.Host, r.Fields[1].Value, r.Fields[2].Name, r.Fields[2].Value} {
		clear(p)
	}
	assert.Equal(t, before, string(b.Bytes()))
}

func TestABuilderServesManyGoroutines(t *testing.T) {
	bd, err := NewBuilder(Config{Mount: "/m"})
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			var b Block
			for range 200 {
				assert.NoError(t, bd.Build(&b, get("/m/a%20b", "X_Drop: a", "X-Own: b")))
				value, _ := b.Get("PATH_INFO")
				assert.Equal(t, "/a b", string(value))
			}
		})
	}
	all.Wait()
}

// usual is what a browser behind nothing sends: ten fields, one of them not in Keys.
func usual() *httpserver.Request {
	return get("/articles/caf%C3%A9?page=2",
		"Host: www.example.org",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Accept-Language: en-US,en;q=0.5",
		"Accept-Encoding: gzip, deflate, br, zstd",
		"Cookie: sessionid=0123456789abcdef; csrftoken=fedcba9876543210",
		"Cookie: theme=dark",
		"Connection: keep-alive",
		"X-Correlation-Id: 7a63f5de",
		"x-correlation-id: 7a63f5df")
}

func TestTheUsualRequestAllocatesNothing(t *testing.T) {
	for name, c := range map[string]Config{
		"at the root":          {},
		"mounted":              {Mount: "/articles"},
		"dropping, and silent": {HeaderMap: Drop},
	} {
		t.Run(name, func(t *testing.T) {
			bd, err := NewBuilder(c)
			require.NoError(t, err)
			r := usual()
			var b Block
			assert.Zero(t, testing.AllocsPerRun(100, func() {
				if err := bd.Build(&b, r); err != nil {
					t.Error(err)
				}
			}))
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	many := get("/")
	for range 1000 {
		many.Fields = append(many.Fields, get("/", "X-Own: a").Fields...)
	}
	for _, bb := range []struct {
		name string
		c    Config
		r    *httpserver.Request
	}{
		{"hello", Config{}, get("/hello", "Host: localhost:8000", "User-Agent: wrk")},
		{"usual", Config{}, usual()},
		{"forwarded", Config{TrustUnix: true}, overUnix(get("/", everythingForwarded...))},
		{"1000 fields of one name", Config{}, many},
	} {
		b.Run(bb.name, func(b *testing.B) {
			bd, err := NewBuilder(bb.c)
			require.NoError(b, err)
			var block Block
			b.ReportAllocs()
			for b.Loop() {
				if err := bd.Build(&block, bb.r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
