package environ

import "crypto/tls"

// packTLS appends what a connection is encrypted by, under the names of Apache's mod_ssl.
func packTLS(b *Block, s *tls.ConnectionState) {
	b.putExtra("HTTPS", "on")
	b.putExtra("SSL_PROTOCOL", protocolName(s.Version))
	b.putExtra("SSL_CIPHER", tls.CipherSuiteName(s.CipherSuite))
	if s.ServerName != "" {
		b.putExtra("SSL_TLS_SNI", s.ServerName)
	}
}

// protocolName returns mod_ssl's name of a version.
func protocolName(version uint16) string {
	switch version {
	case tls.VersionTLS10:
		return "TLSv1"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return tls.VersionName(version)
}
