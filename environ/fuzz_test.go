package environ

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

// FuzzBuild checks what holds for every request. head is "Name:value" lines; mode picks the
// configuration and the kind of connection.
func FuzzBuild(f *testing.F) {
	f.Fuzz(func(t *testing.T, method, target, head []byte, contentLength int64, mode uint8) {
		c, r := fuzzCase(method, target, head, contentLength, mode)
		bd, err := NewBuilder(c)
		require.NoError(t, err)
		var b Block
		if err := bd.Build(&b, r); err != nil {
			var bad *BadRequestError
			require.True(t, errors.Is(err, ErrNotMounted) || errors.As(err, &bad), "%v", err)
			require.Empty(t, b.Bytes())
			return
		}
		got := vars(t, &b)
		require.Equal(t, got, unpackAgain(t, b.Bytes()))
		checkAlways(t, got)
		checkPath(t, got, c.Mount, string(method), string(target))
		checkLengths(t, got, r)
		checkFields(t, got, r.Fields, c.HeaderMap)
		first := string(b.Bytes())
		require.NoError(t, bd.Build(&b, r))
		require.Equal(t, first, string(b.Bytes()), "a second time")
	})
}

func fuzzCase(method, target, head []byte, contentLength int64, mode uint8) (Config, *httpserver.Request) {
	r := &httpserver.Request{ID: "r1", Method: method, Target: target, Proto: "HTTP/1.1", Scheme: "http", ContentLength: max(-1, contentLength)}
	for line := range bytes.Lines(head) {
		name, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(":"))
		r.Fields = append(r.Fields, httpserver.Field{Name: name, Value: value})
		if equalFold(name, "host") {
			r.Host = value
		}
	}
	c := Config{HeaderMap: HeaderMap(mode % 3)}
	if mode&4 != 0 {
		c.Mount = "/m"
	}
	if mode&8 != 0 {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/1")}
		c.TrustUnix = true
	}
	if mode&16 != 0 {
		r.Remote, r.Local = netip.MustParseAddrPort("10.0.0.1:5"), netip.MustParseAddrPort("[::1]:80")
	}
	if mode&32 != 0 {
		r.Body = strings.NewReader("")
	}
	return c, r
}

// unpackAgain reads a block by the package comment alone.
func unpackAgain(t *testing.T, p []byte) map[string]string {
	m := make(map[string]string)
	in := bytes.NewReader(p)
	read := func(n int) string {
		require.LessOrEqual(t, n, in.Len())
		s := make([]byte, n)
		_, _ = in.Read(s)
		return string(s)
	}
	for in.Len() > 0 {
		var name string
		if key := binary.LittleEndian.Uint16([]byte(read(2))); key == 0xFFFF {
			name = read(int(binary.LittleEndian.Uint16([]byte(read(2)))))
			require.NotContains(t, Keys, name)
		} else {
			name = Keys[key]
		}
		m[name] = read(int(binary.LittleEndian.Uint32([]byte(read(4)))))
	}
	return m
}

func checkAlways(t *testing.T, got map[string]string) {
	for _, name := range []string{"REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "RAW_URI", "SERVER_NAME",
		"SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE", "REMOTE_ADDR", "wsgi.url_scheme", "pyserve.request_id"} {
		require.Contains(t, got, name)
	}
	require.NotEmpty(t, got["SERVER_NAME"])
	for _, name := range []string{"SERVER_PORT", "REMOTE_PORT"} {
		if value, ok := got[name]; ok {
			port, err := strconv.ParseUint(value, 10, 16)
			require.NoError(t, err)
			require.NotZero(t, port)
		}
	}
	require.Contains(t, []string{"http", "https"}, got["wsgi.url_scheme"])
	if addr := got["REMOTE_ADDR"]; addr != "" {
		_, err := netip.ParseAddr(addr)
		require.NoError(t, err)
	}
	for _, name := range []string{"HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING", "HTTP_PROXY"} {
		require.NotContains(t, got, name)
	}
}

func checkPath(t *testing.T, got map[string]string, mount, method, target string) {
	require.Equal(t, target, got["REQUEST_URI"])
	require.Equal(t, target, got["RAW_URI"])
	script, path := got["SCRIPT_NAME"], got["PATH_INFO"]
	require.Equal(t, mount, script)
	require.True(t, path == "" || path[0] == '/', "PATH_INFO %q", path)
	if target != "" && target[0] == '/' {
		raw, query, _ := strings.Cut(target, "?")
		require.Equal(t, decodeSlowly(raw), script+path)
		require.Equal(t, query, got["QUERY_STRING"])
	} else if path == "" && script == "" {
		require.True(t, method == "OPTIONS" && target == "*" || method == "CONNECT")
	}
}

// decodeSlowly is percent-decoding written another way.
func decodeSlowly(s string) string {
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && !strings.ContainsAny(s[i+1:i+3], "+-_") {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

func checkLengths(t *testing.T, got map[string]string, r *httpserver.Request) {
	sent := false
	for _, f := range r.Fields {
		sent = sent || equalFold(f.Name, "content-length")
	}
	value, ok := got["CONTENT_LENGTH"]
	require.Equal(t, r.ContentLength >= 0 && (sent || r.Body != nil), ok)
	if ok {
		require.Equal(t, strconv.FormatInt(r.ContentLength, 10), value)
	}
}

// checkFields compares with the variables as a map makes them; HTTP_HOST has tests of its own.
func checkFields(t *testing.T, got map[string]string, fields []httpserver.Field, underscores HeaderMap) {
	wanted := make(map[string]string)
	for _, f := range fields {
		name := strings.ReplaceAll(asciiUpper(string(f.Name)), "-", "_")
		key := "HTTP_" + name
		switch name {
		case "HOST", "PROXY", "CONTENT_LENGTH", "TRANSFER_ENCODING":
			continue
		case "CONTENT_TYPE":
			key = name
		}
		if bytes.Contains(f.Name, []byte("_")) && (underscores != Allow || name == "CONTENT_TYPE") {
			continue
		}
		separator := ","
		if name == "COOKIE" {
			separator = "; "
		}
		if before, ok := wanted[key]; ok {
			wanted[key] = before + separator + string(f.Value)
		} else {
			wanted[key] = string(f.Value)
		}
	}
	for name, value := range got {
		if (strings.HasPrefix(name, "HTTP_") || name == "CONTENT_TYPE") && name != "HTTP_HOST" {
			require.Contains(t, wanted, name)
			require.Equal(t, wanted[name], value, name)
			delete(wanted, name)
		}
	}
	require.Empty(t, wanted, "not in the block")
}

// asciiUpper leaves bytes beyond ASCII alone, unlike strings.ToUpper.
func asciiUpper(s string) string {
	p := []byte(s)
	for i, c := range p {
		if c < 0x80 {
			p[i] = byte(unicode.ToUpper(rune(c)))
		}
	}
	return string(p)
}
