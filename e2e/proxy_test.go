package e2e_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
)

// viaProxy are the fields a proxy for https://shop.example adds.
var viaProxy = []string{
	"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "shop.example",
}

func TestMount(t *testing.T) {
	t.Parallel()
	t.Run("Flask", func(t *testing.T) {
		t.Parallel()
		s := start(t, "flaskapp:app", "--mount", "/shop")
		c := s.client(t)
		assert.Contains(t, c.get(t, "/shop/hello").Body, "Hello from Flask")
		assert.Equal(t, "/shop/hello", c.get(t, "/shop/redirect").Header.Get("Location"))
		environ := getJSON[map[string]string](t, c, "/shop/environ/a%20b")
		assert.Equal(t, "/shop", environ["SCRIPT_NAME"])
		assert.Equal(t, "/environ/a b", environ["PATH_INFO"])
		assert.Equal(t, "/shop/environ/a%20b", environ["REQUEST_URI"])
		for _, outside := range []string{"/hello", "/", "/shopping/hello", "/shophello"} {
			assert.Equal(t, 404, c.get(t, outside).Status, outside)
		}
	})
	t.Run("Django", func(t *testing.T) {
		t.Parallel()
		s := startDjango(t, "--mount", "/shop/")
		c := s.client(t)
		assert.Contains(t, c.get(t, "/shop/hello").Body, "Hello from Django")
		assert.Equal(t, s.URL+"/shop/hello", c.get(t, "/shop/redirect").Header.Get("Location"))
		assert.Equal(t, "/shop/admin/login/?next=/shop/admin/", c.get(t, "/shop/admin/").Header.Get("Location"))
	})
	t.Run("Pyramid", func(t *testing.T) {
		t.Parallel()
		s := start(t, "pyramidapp:app", "--mount", "/shop")
		c := s.client(t)
		assert.Equal(t, s.URL+"/shop/hello", c.get(t, "/shop/redirect").Header.Get("Location"))
		assert.Equal(t, "body { color: teal; }\n", c.get(t, "/shop/static/style.css").Body)
	})
}

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	type urls struct {
		External, Remote string
		Secure           bool
	}
	const host = "for,proto,host"
	for _, tt := range []struct {
		name, trusted, facts string
		want                 urls
	}{
		{"the proxy is believed about client and scheme", "127.0.0.1", "for,proto", urls{"https://direct.example/hello", "203.0.113.9", true}},
		{"and about the host when told so", "127.0.0.1", host, urls{"https://shop.example/hello", "203.0.113.9", true}},
		{"so is a proxy in the network given", "10.0.0.0/8,127.0.0.0/8", host, urls{"https://shop.example/hello", "203.0.113.9", true}},
		{"anybody else is not", "10.0.0.0/8", host, urls{"http://direct.example/hello", "127.0.0.1", false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			header := append([]string{"Host", "direct.example"}, viaProxy...)
			flask := start(t, "flaskapp:app", "--trusted-proxies", tt.trusted, "--forwarded", tt.facts)
			assert.Equal(t, tt.want, getJSON[urls](t, flask.client(t), "/urls", header...))
			django := start(t, "djangoapp.wsgi", "--trusted-proxies", tt.trusted, "--forwarded", tt.facts)
			assert.Equal(t, tt.want, getJSON[urls](t, django.client(t), "/urls", header...))
		})
	}
	t.Run("without any, nobody is believed", func(t *testing.T) {
		t.Parallel()
		s := start(t, "flaskapp:app")
		got := getJSON[urls](t, s.client(t), "/urls", append([]string{"Host", "direct.example"}, viaProxy...)...)
		assert.Equal(t, urls{"http://direct.example/hello", "127.0.0.1", false}, got)
	})
	t.Run("a client's own addresses do not count, only what the proxy saw", func(t *testing.T) {
		t.Parallel()
		s := start(t, "flaskapp:app", "--trusted-proxies", "127.0.0.1")
		got := getJSON[urls](t, s.client(t), "/urls", "X-Forwarded-For", "10.9.9.9, 198.51.100.7")
		assert.Equal(t, "198.51.100.7", got.Remote)
	})
}

func TestDjangoBehindAProxy(t *testing.T) {
	t.Parallel()
	s := startDjango(t, "--trusted-proxies", "127.0.0.1", "--forwarded", "for,proto,host", "--mount", "/app")
	c := s.client(t)
	header := append([]string{"Origin", "https://shop.example", "Referer", "https://shop.example/app/form"}, viaProxy...)

	t.Run("redirects to the address the browser used", func(t *testing.T) {
		assert.Equal(t, "https://shop.example/app/hello", c.get(t, "/app/redirect", header...).Header.Get("Location"))
	})
	t.Run("accepts a form from the address the browser used", func(t *testing.T) {
		a := c.submit(t, "/app/form", url.Values{"text": {"by way of a proxy"}}, header...)
		assert.Equal(t, 302, a.Status, a.Body)
	})
	t.Run("refuses a form from elsewhere", func(t *testing.T) {
		elsewhere := append([]string{"Origin", "https://evil.example"}, viaProxy...)
		a := c.submit(t, "/app/form", url.Values{"text": {"forged"}}, elsewhere...)
		assert.Equal(t, 403, a.Status)
	})
}

// A proxy that takes its prefix off the path, as nginx does for `proxy_pass http://pyserve/;`, and Traefik's StripPrefix.
func TestAPrefixThatAProxyHasTakenOffThePath(t *testing.T) {
	t.Parallel()
	t.Run("told by the flag", func(t *testing.T) {
		t.Parallel()
		s := start(t, "flaskapp:app", "--script-name", "/shop/")
		c := s.client(t)
		assert.Contains(t, c.get(t, "/hello").Body, "Hello from Flask")
		assert.Equal(t, "/shop/hello", c.get(t, "/redirect").Header.Get("Location"))
	})
	t.Run("told by the proxy", func(t *testing.T) {
		t.Parallel()
		s := start(t, "flaskapp:app", "--trusted-proxies", "127.0.0.1", "--forwarded", "for,proto,prefix")
		c := s.client(t)
		assert.Equal(t, "/shop/hello", c.get(t, "/redirect", "X-Forwarded-Prefix", "/shop").Header.Get("Location"))
		assert.Equal(t, "/hello", c.get(t, "/redirect", "X-Forwarded-Prefix", "//evil.example").Header.Get("Location"))
		assert.Equal(t, "/hello", c.get(t, "/redirect").Header.Get("Location"))
	})
}

func TestHeaderFieldsThatCouldPassForOthersAreDropped(t *testing.T) {
	t.Parallel()
	s := start(t, "flaskapp:app")
	environ := getJSON[map[string]string](t, s.client(t), "/environ",
		"X_Forwarded_For", "203.0.113.9", "Proxy", "http://evil.example", "X-Real", "1")
	assert.NotContains(t, environ, "HTTP_X_FORWARDED_FOR")
	assert.NotContains(t, environ, "HTTP_PROXY")
	assert.Equal(t, "1", environ["HTTP_X_REAL"])
}
