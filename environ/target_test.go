package environ

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheTargetBecomesPathAndQuery(t *testing.T) {
	for _, tt := range []struct{ name, target, path, query string }{
		{"a path alone has an empty query", "/a", "/a", ""},
		{"a query is kept encoded", "/a?b=%41+c", "/a", "b=%41+c"},
		{"only the first question mark divides", "/a?b?c", "/a", "b?c"},
		{"an empty query is empty", "/a?", "/a", ""},
		{"escapes are decoded", "/%C3%bc", "/\xc3\xbc", ""},
		{"escapes are decoded once", "/%2541", "/%41", ""},
		{"an encoded slash is decoded", "/a%2Fb", "/a/b", ""},
		{"an encoded question mark is part of the path", "/a%3Fb?c", "/a?b", "c"},
		{"an encoded NUL is decoded", "/%00", "/\x00", ""},
		{"plus is no space", "/a+b", "/a+b", ""},
		{"escapes that are none stay", "/%zz%4%4g%", "/%zz%4%4g%", ""},
		{"an escape may follow a stray percent sign", "/%%41", "/%A", ""},
		{"double slashes are kept", "//a//b/", "//a//b/", ""},
		{"dots are kept", "/a/../b/.", "/a/../b/.", ""},
		{"the path of an absolute URI", "http://example.org/a%20b?c", "/a b", "c"},
		{"an absolute URI without path is the root", "http://example.org", "/", ""},
		{"an absolute URI with a query alone is the root", "http://example.org?/c://d", "/", "/c://d"},
		{"any scheme is an absolute URI", "Coap+tcp-1.0://h/a", "/a", ""},
		{"an absolute URI may hold another one", "http://h/http://g/", "/http://g/", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want(t, build(t, Config{}, get(tt.target)),
				"PATH_INFO", tt.path, "QUERY_STRING", tt.query, "SCRIPT_NAME", "",
				"REQUEST_URI", tt.target, "RAW_URI", tt.target)
		})
	}
}

func TestATargetWithoutPathHasAnEmptyPathInfo(t *testing.T) {
	for _, tt := range []struct{ name, method, target string }{
		{"the asterisk form", "OPTIONS", "*"},
		{"the authority form", "CONNECT", "example.org:443"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := get(tt.target)
			r.Method = []byte(tt.method)
			want(t, build(t, Config{}, r), "PATH_INFO", "", "SCRIPT_NAME", "", "QUERY_STRING", "",
				"REQUEST_URI", tt.target, "RAW_URI", tt.target)
			assert.ErrorIs(t, buildError(t, Config{Mount: "/m"}, r), ErrNotMounted, "below a mount point")
		})
	}
}

func TestATargetOfNoKnownFormIsRefused(t *testing.T) {
	for _, target := range []string{"", "*", "a", "a/b", "?a", "example.org:80", "://h/", "1x://h/", "a b://h/", "http:/h", "http:///a"} {
		t.Run(target, func(t *testing.T) {
			requireBadRequest(t, buildError(t, Config{}, get(target)))
		})
	}
}

func TestTheMountIsTheScriptName(t *testing.T) {
	for _, tt := range []struct{ name, mount, target, script, path string }{
		{"the mount itself", "/m", "/m", "/m", ""},
		{"the mount with a slash", "/m", "/m/", "/m", "/"},
		{"a path below", "/m", "/m/a?b", "/m", "/a"},
		{"double slashes after it", "/m", "/m//a", "/m", "//a"},
		{"compared when decoded", "/m", "/%6D%2fa", "/m", "/a"},
		{"a mount of non-ASCII bytes", "/\xc3\xbc", "/%C3%BC/a", "/\xc3\xbc", "/a"},
		{"two segments", "/m/n", "/m/n/m/n", "/m/n", "/m/n"},
		{"an absolute URI", "/m", "http://h/m/a", "/m", "/a"},
		{"a single slash is no mount", "/", "/a", "", "/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want(t, build(t, Config{Mount: tt.mount}, get(tt.target)),
				"SCRIPT_NAME", tt.script, "PATH_INFO", tt.path, "REQUEST_URI", tt.target)
		})
	}
}

func TestAPathOutsideOfTheMountIsNotMounted(t *testing.T) {
	for _, target := range []string{"/", "/a", "/ma", "/M", "//m", "/m%", "/%6", "http://h", "/n/m"} {
		t.Run(target, func(t *testing.T) {
			assert.ErrorIs(t, buildError(t, Config{Mount: "/m"}, get(target)), ErrNotMounted)
		})
	}
}
