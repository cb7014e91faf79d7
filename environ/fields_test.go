package environ

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

func TestFieldsBecomeVariables(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields []string
		want   []string
	}{
		{"names are upper-cased, with an underscore for the hyphen", []string{"x-Some-thing: a"}, []string{"HTTP_X_SOME_THING", "a"}},
		{"common names too", []string{"aCCEPT-language: a"}, []string{"HTTP_ACCEPT_LANGUAGE", "a"}},
		{"an empty value is a value", []string{"Accept:", "X-Own:"}, []string{"HTTP_ACCEPT", "", "HTTP_X_OWN", ""}},
		{"repeated ones are joined in order", []string{"Accept: a", "X-Own: 1", "accept: b", "x-own: 2", "ACCEPT: c"}, []string{"HTTP_ACCEPT", "a,b,c", "HTTP_X_OWN", "1,2"}},
		{"empty ones are joined too", []string{"X-Own:", "X-Own: a", "X-Own:"}, []string{"HTTP_X_OWN", ",a,"}},
		{"cookies are joined by a semicolon", []string{"Cookie: a=1; b=2", "X-A: a", "cookie: c=3"}, []string{"HTTP_COOKIE", "a=1; b=2; c=3"}},
		{"Content-Type has no prefix", []string{"content-type: text/plain"}, []string{"CONTENT_TYPE", "text/plain", "HTTP_CONTENT_TYPE", "-"}},
		{"an empty Content-Type was sent", []string{"Content-Type:"}, []string{"CONTENT_TYPE", ""}},
		{"Content-Type is absent when not sent", nil, []string{"CONTENT_TYPE", "-", "CONTENT_LENGTH", "-"}},
		{"other Content-* have the prefix", []string{"Content-Encoding: gzip", "Content-MD5: x"}, []string{"HTTP_CONTENT_ENCODING", "gzip", "HTTP_CONTENT_MD5", "x"}},
		{"Proxy is dropped", []string{"pRoxy: evil", "Proxy-Authorization: a"}, []string{"HTTP_PROXY", "-", "HTTP_PROXY_AUTHORIZATION", "a"}},
		{"Transfer-Encoding never appears", []string{"Transfer-Encoding: chunked"}, []string{"HTTP_TRANSFER_ENCODING", "-", "TRANSFER_ENCODING", "-"}},
		{"Host is not doubled", []string{"Host: a", "host: b"}, []string{"HTTP_HOST", "a"}},
		{"a field cannot take a variable's name", []string{"Http-Host: x", "Request-Method: x", "Script-Name: x", "wsgi.url-scheme: x"}, []string{"HTTP_HOST", "-", "HTTP_HTTP_HOST", "x", "REQUEST_METHOD", "GET", "HTTP_REQUEST_METHOD", "x", "SCRIPT_NAME", "", "wsgi.url_scheme", "http"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want(t, build(t, Config{}, get("/", tt.fields...)), tt.want...)
		})
	}
}

func TestTheAuthorityOfTheTargetWinsOverTheHostField(t *testing.T) {
	r := get("http://target.example/", "Host: field.example")
	r.Host = []byte("target.example")
	want(t, build(t, Config{}, r), "HTTP_HOST", "target.example")
}

func TestNoHostMeansNoHTTPHost(t *testing.T) {
	want(t, build(t, Config{}, get("/")), "HTTP_HOST", "-")
	want(t, build(t, Config{}, get("/", "Host:")), "HTTP_HOST", "-")
}

func TestContentLengthIsThatOfTheBody(t *testing.T) {
	body := strings.NewReader("12345")
	for _, tt := range []struct {
		name   string
		fields []string
		body   bool
		length int64
		want   string
	}{
		{"no body and none sent", nil, false, 0, "-"},
		{"zero, sent without a body", []string{"Content-Length: 0"}, false, 0, "0"},
		{"sent with a body", []string{"Content-Length: 5"}, true, 5, "5"},
		{"written as a plain decimal", []string{"Content-Length: 005, 5"}, true, 5, "5"},
		{"sent twice", []string{"Content-Length: 5", "content-length: 5"}, true, 5, "5"},
		{"a spooled body whose length was not sent", nil, true, 5, "5"},
		{"a spooled body that is empty", nil, true, 0, "0"},
		{"a streamed body of unknown length", nil, true, -1, "-"},
		{"sent with a chunked body that is streamed", []string{"Content-Length: 5"}, true, -1, "-"},
		{"beyond 32 bits", []string{"Content-Length: 5000000000"}, true, 5000000000, "5000000000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := get("/", tt.fields...)
			r.ContentLength = tt.length
			if tt.body {
				r.Body = body
			}
			want(t, build(t, Config{}, r), "CONTENT_LENGTH", tt.want, "HTTP_CONTENT_LENGTH", "-")
		})
	}
}

func TestNamesWithAnUnderscoreGoByTheHeaderMap(t *testing.T) {
	fields := []string{"X_Own: a", "X-Own: b", "x_other: c", "Content_Length: 9", "Content_Type: d", "Transfer_Encoding: chunked"}

	t.Run("dropped by default", func(t *testing.T) {
		want(t, build(t, Config{}, get("/", fields...)), "HTTP_X_OWN", "b", "HTTP_X_OTHER", "-", "CONTENT_LENGTH", "-",
			"CONTENT_TYPE", "-", "HTTP_CONTENT_LENGTH", "-", "HTTP_CONTENT_TYPE", "-", "HTTP_TRANSFER_ENCODING", "-")
	})
	t.Run("allowed, but for those the server reads itself", func(t *testing.T) {
		want(t, build(t, Config{HeaderMap: Allow}, get("/", fields...)), "HTTP_X_OWN", "a,b", "HTTP_X_OTHER", "c", "CONTENT_LENGTH", "-",
			"CONTENT_TYPE", "-", "HTTP_CONTENT_LENGTH", "-", "HTTP_CONTENT_TYPE", "-", "HTTP_TRANSFER_ENCODING", "-")
	})
	for _, f := range fields {
		t.Run("refused "+f, func(t *testing.T) {
			err := error(nil)
			if strings.Contains(f, "_") {
				err = buildError(t, Config{HeaderMap: Refuse}, get("/", f))
				requireBadRequest(t, err)
				return
			}
			want(t, build(t, Config{HeaderMap: Refuse}, get("/", f)), "HTTP_X_OWN", "b")
		})
	}
}

func TestANameThatDoesNotFitIsRefused(t *testing.T) {
	longest := strings.Repeat("x", 65535-len("HTTP_"))
	want(t, build(t, Config{}, get("/", longest+": a", "X-Own: b")), "HTTP_"+strings.ToUpper(longest), "a", "HTTP_X_OWN", "b")
	requireBadRequest(t, buildError(t, Config{}, get("/", longest+"x: a", "X-Own: b")))
}

func TestThousandsOfFieldsAreGroupedByName(t *testing.T) {
	for _, tt := range []struct {
		name  string
		names int
	}{{"one name", 1}, {"seven names", 7}, {"all different", 3000}} {
		t.Run(tt.name, func(t *testing.T) {
			r := get("/")
			wanted := make(map[string][]string)
			for i := range 3000 {
				name, value := fmt.Sprintf("x-%d", i%tt.names), fmt.Sprint(i)
				r.Fields = append(r.Fields, httpserver.Field{Name: []byte(name), Value: []byte(value)})
				key := "HTTP_X_" + name[2:]
				wanted[key] = append(wanted[key], value)
			}
			got := build(t, Config{}, r)
			for key, values := range wanted {
				require.Equal(t, strings.Join(values, ","), got[key], key)
			}
		})
	}
}

func TestHeaderMapNamesAreReadBack(t *testing.T) {
	for _, m := range []HeaderMap{Drop, Refuse, Allow} {
		got, err := ParseHeaderMap(m.String())
		require.NoError(t, err)
		assert.Equal(t, m, got)
	}
	_, err := ParseHeaderMap("Dropp")
	assert.ErrorContains(t, err, `"Dropp": must be drop, refuse or allow`)
}
