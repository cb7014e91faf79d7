package gatewaytest

import "fmt"

// headers: "PEP 3333, The start_response() Callable" on response_headers, and "Other HTTP Features" on
// those that are the server's.
func headers() []Behaviour {
	var list []Behaviour
	pass := func(name string, want Want, namesAndValues ...string) {
		want.Status, want.Reason, want.Content = 200, "OK", "ok"
		if want.Length == 0 {
			want.Length = 2
		}
		list = append(list, Behaviour{Name: name, App: "answer", Request: answer("200 OK", namesAndValues...), Want: want})
	}
	refused := func(name, value, log string) {
		list = append(list, Behaviour{Name: fmt.Sprintf("the header %+q: %+q is refused", name, value), App: "answer",
			Request: answer("200 OK", "X-Before", "1", name, value), Want: failed(log)})
	}
	passing(pass)
	for _, name := range []string{"X Y", "X-Y ", " X-Y", "X:Y", "X-Y:", "X\r\nX-Smuggled", "X\n", "X\x00Y", "X\tY", "X\u00e9", "X(Y)", "X\"Y", "X\x7f"} {
		refused(name, "1", "which RFC 9110 does not allow in a name")
	}
	refused("", "1", "empty name")
	for _, value := range []string{"1\r\nX-Smuggled: 1", "1\n2", "1\r2", "1\n", "1\r", "1\r\n folded", "1\x002", "\x00", "1\x072", "1\x7f2", "1\x1b[31m"} {
		refused("X-Y", value, "control character")
	}
	for _, length := range []string{"", " ", "many", "-1", "+2", "2.0", "0x2", "2, 2", "2 2", "2;", "99999999999999999999", "\u00b2"} {
		refused("Content-Length", length, "Content-Length must be a number")
	}
	for _, second := range []string{"2", "3"} {
		list = append(list, Behaviour{Name: "two Content-Lengths 2 and " + second + " are refused", App: "answer",
			Request: answer("200 OK", "Content-Length", "2", "content-length", second), Want: failed("more than one Content-Length")})
	}
	return append(list, Behaviour{Name: "a hop-by-hop header that breaks the rules is refused", App: "answer",
		Request: answer("200 OK", "Keep-Alive", "timeout=5\r\nX: 1"), Want: failed("control character")})
}

func passing(pass func(name string, want Want, namesAndValues ...string)) {
	pass("no headers at all", Want{})
	pass("headers keep case, order and repetition", Want{Fields: []string{"x-lower: 1", "X-UPPER: 2", "Set-Cookie: a=1", "X-miXed: 3", "Set-Cookie: b=2"}},
		"x-lower", "1", "X-UPPER", "2", "Set-Cookie", "a=1", "X-miXed", "3", "Set-Cookie", "b=2")
	pass("Latin-1 values pass as bytes", Want{Fields: []string{"X-Name: Andr\xe9 \xff\xa0\x80"}}, "X-Name", "Andr\u00e9 \u00ff\u00a0\u0080")
	pass("UTF-8 bytes in Latin-1 clothing pass", Want{Fields: []string{"X-Name: \xe2\x98\x83"}}, "X-Name", "\u00e2\u0098\u0083")
	pass("empty values, spaces, tabs and quotes pass", Want{Fields: []string{"X-Empty: ", "X-Space: a  b\tc", `X-Quote: "q", \"`}},
		"X-Empty", "", "X-Space", "a  b\tc", "X-Quote", `"q", \"`)
	pass("every character of a token passes in a name", Want{Fields: []string{"!#$%&'*+-.^_`|~09azAZ: 1"}}, "!#$%&'*+-.^_`|~09azAZ", "1")
	pass("the application's Date and Server are handed on", Want{Fields: []string{"Date: Thu, 01 Jan 1970 00:00:00 GMT", "Server: own"}},
		"Date", "Thu, 01 Jan 1970 00:00:00 GMT", "Server", "own")
	pass("Content-Length is taken out of the fields", Want{Fields: []string{"X-A: 1", "X-B: 2"}}, "X-A", "1", "CONTENT-length", "2", "X-B", "2")
	pass("Content-Length may have white space around and zeros before", Want{}, "Content-Length", " \t02 ")

	const log = "hop-by-hop header"
	pass("Connection: close closes", Want{Close: true, Fields: []string{"X-A: 1"}}, "Connection", "close", "X-A", "1")
	pass("Connection: CLOSE in a list closes", Want{Close: true}, "connection", "x, CLOSE")
	pass("Connection: keep-alive is dropped", Want{Fields: []string{"X-A: 1"}, Log: []string{log + ", which is the server's: dropped, now and from here on\" id="}},
		"Connection", "keep-alive", "X-A", "1")
	pass("Connection: closed is not close", Want{Log: []string{log}}, "Connection", "closed")
	pass("hop-by-hop headers are dropped with one warning for each name",
		Want{Fields: []string{"X-A: 1", "X-B: 2"}, Log: []string{"=Keep-Alive", "=TRANSFER-ENCODING", "=Upgrade", "=Trailer", "=TE", "=Proxy-Connection"}},
		"X-A", "1", "Keep-Alive", "timeout=5", "TRANSFER-ENCODING", "chunked", "transfer-encoding", "gzip", "Upgrade", "websocket",
		"Trailer", "X", "TE", "trailers", "Proxy-Connection", "close", "keep-alive", "max=2", "X-B", "2")
	pass("names that only look hop-by-hop are kept", Want{Fields: []string{"Connections: close", "Proxy-Authenticate: Basic", "Te-X: 1"}},
		"Connections", "close", "Proxy-Authenticate", "Basic", "Te-X", "1")
}
