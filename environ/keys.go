package environ

import "strings"

// The indexes of the names this package writes by itself; the fields of clients are found by headerKeys.
const (
	keyRequestMethod uint16 = iota
	keyScriptName
	keyPathInfo
	keyQueryString
	keyRequestURI
	keyRawURI
	keyContentType
	keyContentLength
	keyServerName
	keyServerPort
	keyServerProtocol
	keyServerSoftware
	keyRemoteAddr
	keyRemotePort
	keyURLScheme
	keyRequestID
	keyHTTPHost
	keyHTTPCookie
)

// keyNamed in the packed form says that the name itself follows. The values below it are never packed:
// they are what headerKeys has for the fields that do not become a variable in the ordinary way.
const (
	keyNamed    uint16 = 0xFFFF - iota
	fieldHost          // HTTP_HOST is made from Request.Host
	fieldLength        // CONTENT_LENGTH is made from Request.ContentLength
	fieldHidden        // never shown to the application, without a word
	fieldProxy         // dropped, and logged
)

// keyNames are the variables of PEP 3333 and CGI (RFC 3875, section 4.1), then the header fields that
// browsers, proxies, API clients and WebDAV clients commonly send.
var keyNames = [...]string{
	keyRequestMethod:  "REQUEST_METHOD",
	keyScriptName:     "SCRIPT_NAME",
	keyPathInfo:       "PATH_INFO",
	keyQueryString:    "QUERY_STRING",
	keyRequestURI:     "REQUEST_URI",
	keyRawURI:         "RAW_URI",
	keyContentType:    "CONTENT_TYPE",
	keyContentLength:  "CONTENT_LENGTH",
	keyServerName:     "SERVER_NAME",
	keyServerPort:     "SERVER_PORT",
	keyServerProtocol: "SERVER_PROTOCOL",
	keyServerSoftware: "SERVER_SOFTWARE",
	keyRemoteAddr:     "REMOTE_ADDR",
	keyRemotePort:     "REMOTE_PORT",
	keyURLScheme:      "wsgi.url_scheme",
	keyRequestID:      "pyserve.request_id",
	keyHTTPHost:       "HTTP_HOST",
	keyHTTPCookie:     "HTTP_COOKIE",
	"HTTP_ACCEPT",
	"HTTP_ACCEPT_CHARSET",
	"HTTP_ACCEPT_ENCODING",
	"HTTP_ACCEPT_LANGUAGE",
	"HTTP_ACCESS_CONTROL_REQUEST_HEADERS",
	"HTTP_ACCESS_CONTROL_REQUEST_METHOD",
	"HTTP_AUTHORIZATION",
	"HTTP_CACHE_CONTROL",
	"HTTP_CONNECTION",
	"HTTP_CONTENT_ENCODING",
	"HTTP_DATE",
	"HTTP_DEPTH",
	"HTTP_DESTINATION",
	"HTTP_DNT",
	"HTTP_EXPECT",
	"HTTP_FORWARDED",
	"HTTP_IF",
	"HTTP_IF_MATCH",
	"HTTP_IF_MODIFIED_SINCE",
	"HTTP_IF_NONE_MATCH",
	"HTTP_IF_RANGE",
	"HTTP_IF_UNMODIFIED_SINCE",
	"HTTP_KEEP_ALIVE",
	"HTTP_LOCK_TOKEN",
	"HTTP_ORIGIN",
	"HTTP_OVERWRITE",
	"HTTP_PRAGMA",
	"HTTP_PRIORITY",
	"HTTP_RANGE",
	"HTTP_REFERER",
	"HTTP_SEC_CH_UA",
	"HTTP_SEC_CH_UA_MOBILE",
	"HTTP_SEC_CH_UA_PLATFORM",
	"HTTP_SEC_FETCH_DEST",
	"HTTP_SEC_FETCH_MODE",
	"HTTP_SEC_FETCH_SITE",
	"HTTP_SEC_FETCH_USER",
	"HTTP_SEC_WEBSOCKET_EXTENSIONS",
	"HTTP_SEC_WEBSOCKET_KEY",
	"HTTP_SEC_WEBSOCKET_PROTOCOL",
	"HTTP_SEC_WEBSOCKET_VERSION",
	"HTTP_TE",
	"HTTP_TIMEOUT",
	"HTTP_TRACEPARENT",
	"HTTP_TRACESTATE",
	"HTTP_UPGRADE",
	"HTTP_UPGRADE_INSECURE_REQUESTS",
	"HTTP_USER_AGENT",
	"HTTP_VIA",
	"HTTP_X_API_KEY",
	"HTTP_X_CSRF_TOKEN",
	"HTTP_X_CSRFTOKEN",
	"HTTP_X_FORWARDED_FOR",
	"HTTP_X_FORWARDED_HOST",
	"HTTP_X_FORWARDED_PORT",
	"HTTP_X_FORWARDED_PROTO",
	"HTTP_X_REAL_IP",
	"HTTP_X_REQUEST_ID",
	"HTTP_X_REQUESTED_WITH",
}

// Keys are the names that a block refers to by index: whoever makes the Python dict keeps one interned
// str for each. It must not be changed.
var Keys = keyNames[:]

// headerKeys leads from a field name, upper-cased and with '_' for '-', to an index into Keys or to one
// of the field* values.
var headerKeys = makeHeaderKeys()

const httpPrefix = "HTTP_"

func makeHeaderKeys() map[string]uint16 {
	m := map[string]uint16{
		"HOST":              fieldHost,
		"CONTENT_LENGTH":    fieldLength,
		"CONTENT_TYPE":      keyContentType,
		"TRANSFER_ENCODING": fieldHidden,
		"PROXY":             fieldProxy,
	}
	for i, name := range keyNames {
		if field, ok := strings.CutPrefix(name, httpPrefix); ok && uint16(i) != keyHTTPHost {
			m[field] = uint16(i)
		}
	}
	return m
}
