package environ

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
)

func TestAnEncryptedConnectionIsDescribed(t *testing.T) {
	builder, err := NewBuilder(Config{})
	require.NoError(t, err)
	variables := func(state *tls.ConnectionState) map[string]string {
		var b Block
		r := httpserver.Request{Method: []byte("GET"), Target: []byte("/"), Proto: "HTTP/1.1", Scheme: "http", TLS: state}
		if state != nil {
			r.Scheme = "https"
		}
		require.NoError(t, builder.Build(&b, &r))
		all := map[string]string{}
		for name, value := range b.All() {
			all[name] = string(value)
		}
		return all
	}
	v := variables(&tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, ServerName: "shop.example"})
	for name, want := range map[string]string{"HTTPS": "on", "SSL_PROTOCOL": "TLSv1.3", "SSL_CIPHER": "TLS_AES_128_GCM_SHA256",
		"SSL_TLS_SNI": "shop.example", "wsgi.url_scheme": "https"} {
		assert.Equal(t, want, v[name], name)
	}
	assert.NotContains(t, variables(&tls.ConnectionState{Version: tls.VersionTLS12}), "SSL_TLS_SNI")
	assert.NotContains(t, variables(nil), "HTTPS")
}
