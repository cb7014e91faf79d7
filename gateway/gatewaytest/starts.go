package gatewaytest

import (
	"encoding/json"
	"fmt"

	"github.com/pyserve/pyserve/httpserver"
)

// startResponse: "PEP 3333, The start_response() Callable" and "Error Handling".
func startResponse() []Behaviour {
	replaced := Want{Status: 500, Reason: "Replaced", Fields: []string{"X-New: 2"}, Length: 11, Content: "replacement"}
	return []Behaviour{
		{Name: "start_response twice is an error", App: "start_twice", Request: get, Want: failed("start_response() was called twice")},
		{Name: "start_response twice, caught, leaves the first headers", App: "start_twice_caught", Request: get, Want: ok(5, "hello").seen("AssertionError")},
		{Name: "exc_info before the head went out replaces all headers", App: "exc_info_replaces", Request: get, Want: replaced},
		{Name: "exc_info may come with the first call", App: "exc_info_first", Request: get, Want: replaced},
		{Name: "exc_info of None is none", App: "exc_info_none", Request: get, Python: true, Want: failed("start_response() was called twice")},
		{Name: "exc_info after the head went out is raised again", App: "exc_info_after", Request: get,
			Want: ok(Unknown, "partial").closed(1).aborted("KeyError: 'lost'")},
		{Name: "exc_info after the head that the application swallows breaks off all the same", App: "exc_info_swallowed", Request: get,
			Want: ok(Unknown, "partial").closed(1).seen("KeyError").aborted("start_response() raised exc_info again")},
		{Name: "exc_info after the head that the application swallows at its end breaks off too", App: "exc_info_swallowed_at_end", Request: get,
			Want: ok(Unknown, "partial").seen("KeyError").aborted("start_response() raised exc_info again")},
		{Name: "exc_info after write() is raised again", App: "exc_info_after_write", Request: get, Want: ok(Unknown, "partial").aborted("KeyError: 'lost'")},
		{Name: "a refused start_response can be tried again", App: "start_again", Request: get, Want: ok(5, "hello").seen("ValueError")},
		{Name: "start_response takes keywords", App: "start_keywords", Request: get, Python: true, Want: ok(5, "hello")},
		{Name: "content without start_response is an error", App: "never_started", Request: get, Want: failed("before start_response() was called")},
		{Name: "no content without start_response is an error", App: "never_started_empty", Request: get, Want: failed("without calling start_response()")},
		{Name: "the list of headers may be changed after the call", App: "headers_changed_later", Request: get, Python: true, Want: ok(5, "hello")},
	}
}

// answer makes a request for the application "answer", which calls start_response with this status and
// these names and values, in turn, and returns [b"ok"]. The text is in Unicode: the application hands out
// its characters as Latin-1.
func answer(status string, namesAndValues ...string) func() *httpserver.Request {
	pairs := [][2]string{}
	for i := 0; i < len(namesAndValues); i += 2 {
		pairs = append(pairs, [2]string{namesAndValues[i], namesAndValues[i+1]})
	}
	content, err := json.Marshal(map[string]any{"status": status, "headers": pairs})
	if err != nil {
		panic(err)
	}
	return func() *httpserver.Request { return Request("POST", "/", string(content)) }
}

func statuses() (list []Behaviour) {
	for _, tt := range []struct {
		status, reason string
		code           int
	}{
		{"200 OK", "OK", 200},
		{"404 Not Found", "Not Found", 404},
		{"200 ", "", 200},
		{"599 Its  own\treason ", "Its  own\treason ", 599},
		{"999 Beyond", "Beyond", 999},
		{"200 Tr\u00e8s bien", "Tr\xe8s bien", 200},
	} {
		list = append(list, Behaviour{Name: fmt.Sprintf("the status %+q passes", tt.status), App: "answer", Request: answer(tt.status),
			Want: Want{Status: tt.code, Reason: tt.reason, Length: 2, Content: "ok"}})
	}
	for _, tt := range []struct{ status, log string }{
		{"", "status must be three digits"},
		{"OK", "status must be three digits"},
		{"200", "status must be three digits"},
		{"200OK", "status must be three digits"},
		{"20 OK", "status must be three digits"},
		{"2000 OK", "status must be three digits"},
		{"abc Letters", "status must be three digits"},
		{"-20 Signed", "status must be three digits"},
		{" 200 OK", "status must be three digits"},
		{"\u00b2\u00b2\u00b2 Superscript", "status must be three digits"},
		{"200\tOK", "status must be three digits"},
		{"200 OK\r\nX-Smuggled: 1", "control character"},
		{"200 OK\n", "control character"},
		{"200 OK\r", "control character"},
		{"200 O\x00K", "control character"},
		{"200 O\x7fK", "control character"},
		{"100 Continue", "is an interim one"},
		{"101 Switching Protocols", "is an interim one"},
		{"103 Early Hints", "is an interim one"},
		{"000 Zero", "is an interim one"},
	} {
		list = append(list, Behaviour{Name: fmt.Sprintf("the status %+q is refused", tt.status), App: "answer", Request: answer(tt.status), Want: failed(tt.log)})
	}
	return append(list, Behaviour{Name: "the status \"200 \u2603\" is refused", App: "answer", Request: answer("200 \u2603"), Python: true, Want: failed("Latin-1")})
}

// types are the arguments and results that only Python can get wrong: the query names the case.
func types() (list []Behaviour) {
	for _, tt := range []struct{ query, log string }{
		{"status_bytes", "TypeError: the status must be str, not bytes"},
		{"status_int", "TypeError: the status must be str, not int"},
		{"status_none", "TypeError: the status must be str, not NoneType"},
		{"headers_tuple", "TypeError: the response headers must be a list, not tuple"},
		{"headers_dict", "TypeError: the response headers must be a list, not dict"},
		{"headers_none", "TypeError: the response headers must be a list, not NoneType"},
		{"header_list", "TypeError: a response header must be a tuple (name, value)"},
		{"header_of_three", "TypeError: a response header must be a tuple (name, value)"},
		{"header_str", "TypeError: a response header must be a tuple (name, value)"},
		{"name_bytes", "TypeError: a response header's name must be str, not bytes"},
		{"name_snowman", "ValueError: a response header's name"},
		{"value_bytes", "TypeError: a response header's value must be str, not bytes"},
		{"value_int", "TypeError: a response header's value must be str, not int"},
		{"value_none", "TypeError: a response header's value must be str, not NoneType"},
		{"value_snowman", "ValueError: a response header's value"},
		{"exc_info_true", "TypeError: exc_info must be"},
		{"exc_info_of_two", "TypeError: exc_info must be"},
		{"no_headers", "TypeError: start_response() takes"},
		{"four_arguments", "TypeError: start_response() takes"},
		{"unknown_keyword", "TypeError: start_response() got an unexpected argument"},
		{"write_str", "TypeError: write() takes bytes, not str"},
		{"write_bytearray", "TypeError: write() takes bytes, not bytearray"},
		{"write_none", "TypeError: write() takes bytes, not NoneType"},
		{"write_two", "write() takes exactly one argument"},
		{"returns_none", "TypeError: the application returned NoneType"},
		{"returns_str", "TypeError: the application returned str"},
		{"returns_bytes", "TypeError: the application returned bytes"},
		{"returns_int", "TypeError: 'int' object is not iterable"},
		{"yields_str", "instead of bytes"},
		{"yields_none", "instead of bytes"},
		{"yields_bytearray", "instead of bytes"},
		{"list_of_str", "instead of bytes"},
		{"list_of_many_str", "instead of bytes"},
	} {
		list = append(list, Behaviour{Name: "types: " + tt.query, App: "types", Request: query(tt.query), Python: true, Want: failed(tt.log)})
	}
	return append(list,
		Behaviour{Name: "str after bytes breaks off", App: "yields_str_later", Request: get, Python: true, Want: ok(Unknown, "one").closed(1).aborted("instead of bytes")},
		Behaviour{Name: "subclasses of str, list, tuple and bytes pass", App: "subclasses", Request: get, Python: true, Want: ok(5, "hello")},
	)
}
