// Package environ turns an [httpserver.Request] into the PEP 3333 environ variables that are plain
// strings. It works on bytes alone: whoever makes the Python dict decodes them as Latin-1, which is what
// PEP 3333 calls a native string.
//
// A [Builder] holds the configuration and fills a [Block], the packed set of variables of one request.
// The block crosses into C in one piece, because a crossing costs more than the variables do.
//
// # Packed form
//
// The bytes of a block are entries one after the other, without padding, all numbers little endian:
//
//	uint16  index into Keys, or 0xFFFF for a name that is not there
//	        only after 0xFFFF:
//	uint16    length of the name
//	[]byte    the name
//	uint32  length of the value
//	[]byte  the value
//
// No name comes twice. The order of entries means nothing.
//
// # Variables
//
// Present in every block: REQUEST_METHOD, SCRIPT_NAME, PATH_INFO, QUERY_STRING, REQUEST_URI, RAW_URI,
// SERVER_NAME, SERVER_PORT, SERVER_PROTOCOL, SERVER_SOFTWARE, REMOTE_ADDR, wsgi.url_scheme,
// pyserve.request_id. Present when there is something to say: REMOTE_PORT, CONTENT_TYPE, CONTENT_LENGTH,
// HTTP_HOST and one HTTP_* for each other field name.
//
// The package does not read bodies, does not make the wsgi.* objects (wsgi.input and the rest need
// Python) and does not check HTTP syntax that the engine has checked.
package environ
