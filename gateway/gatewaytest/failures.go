package gatewaytest

import "github.com/pyserve/pyserve/httpserver"

// failures: "PEP 3333, Error Handling". An exception of any kind ends its request and nothing else.
func failures() []Behaviour {
	return []Behaviour{
		{Name: "an exception before start_response is a 500 with a traceback in the log", App: "raise_before", Request: get,
			Want: failed(`RuntimeError: before" traceback="Traceback (most recent call last)`)},
		{Name: "an exception after start_response replaces its headers", App: "raise_after_start", Request: get, Want: failed("RuntimeError: after start")},
		{Name: "an exception at the first chunk is a 500", App: "raise_at_first", Request: get, Want: failed("RuntimeError: at first").closed(1)},
		{Name: "an exception after empty chunks is a 500", App: "raise_after_empty", Request: get, Want: failed("RuntimeError: after empty").closed(1)},
		{Name: "an exception midway breaks off", App: "raise_midway", Request: get, Want: ok(Unknown, "one").closed(1).aborted("RuntimeError: midway")},
		{Name: "an exception midway breaks off a declared length too", App: "raise_midway_declared", Request: get, Want: ok(6, "one").closed(1).aborted("RuntimeError: midway")},
		{Name: "an exception after write() breaks off", App: "raise_after_write", Request: get, Want: ok(Unknown, "one").aborted("RuntimeError: after write")},
		{Name: "an exception in close() leaves the response whole", App: "raise_in_close", Request: get,
			Want: ok(5, "hello").closed(1).logged(`exception in close() of the response`)},
		{Name: "exceptions midway and in close() are both logged", App: "raise_midway_and_in_close", Request: get,
			Want: ok(Unknown, "one").closed(1).aborted("RuntimeError: midway", "RuntimeError: in close")},
		{Name: "an exception in iter() is a 500", App: "raise_in_iter", Request: get, Python: true, Want: failed("RuntimeError: in iter").closed(1)},
		{Name: "an exception in len() is a 500", App: "raise_in_len", Request: query("ZeroDivisionError"), Python: true,
			Want: failed("ZeroDivisionError: in len").closed(1)},
		{Name: "KeyboardInterrupt in len() is one, too", App: "raise_in_len", Request: query("KeyboardInterrupt"), Python: true,
			Want: failed("KeyboardInterrupt: in len").closed(1)},
		{Name: "TypeError in len() means that there is none", App: "raise_in_len", Request: query("TypeError"), Python: true, Want: ok(Unknown, "item").closed(1)},
		{Name: "AttributeError in len() means that there is none", App: "raise_in_len", Request: query("AttributeError"), Python: true,
			Want: ok(Unknown, "item").closed(1)},
		{Name: "NotImplementedError in len() means that there is none", App: "raise_in_len", Request: query("NotImplementedError"), Python: true,
			Want: ok(Unknown, "item").closed(1)},
		{Name: "an exception without text is named", App: "raise_without_text", Request: get, Want: failed("error=LookupError")},
		{Name: "an exception whose str() fails is named", App: "raise_unprintable", Request: get, Python: true, Want: failed("Unprintable")},

		{Name: "SystemExit ends the request only", App: "exits", Request: get, Want: failed("SystemExit: 3")},
		{Name: "SystemExit midway breaks off", App: "exits_midway", Request: get, Want: ok(Unknown, "one").closed(1).aborted("SystemExit: 3")},
		{Name: "KeyboardInterrupt ends the request only", App: "interrupts", Request: get, Want: failed("KeyboardInterrupt")},
		{Name: "GeneratorExit ends the request only", App: "generator_exit", Request: get, Want: failed("GeneratorExit")},
		{Name: "GeneratorExit midway breaks off", App: "generator_exit_midway", Request: get, Want: ok(Unknown, "one").closed(1).aborted("GeneratorExit")},
		{Name: "SystemExit in close() ends nothing", App: "exits_in_close", Request: get, Want: ok(5, "hello").closed(1).logged("SystemExit: 3")},

		{Name: "close() cannot write any more", App: "write_in_close", Request: get, Want: ok(Unknown, "one").closed(1).logged("the response is over")},
		{Name: "close() cannot write after a failure", App: "write_in_close_after_failure", Request: get,
			Want: ok(Unknown, "one").closed(1).aborted("RuntimeError: midway", "the response is over")},
		{Name: "close() cannot start a response", App: "start_in_close", Request: get,
			Want: failed("without calling start_response()", "the response is over").closed(1)},
	}
}

// departures: the client leaves before it has the whole response.
func departures() []Behaviour {
	return []Behaviour{
		{Name: "write() to a client that is gone raises OSError", App: "gone_writer", Request: get, Gone: true, GoneAfter: 3,
			Want: ok(Unknown, "one").seen("ConnectionResetError").aborted()},
		{Name: "write() goes on raising, and content is not sent, once the client is gone", App: "gone_ignored", Request: get, Gone: true, GoneAfter: 3,
			Want: ok(Unknown, "one").seen("ConnectionResetError", "ConnectionResetError").closed(1).aborted()},
		{Name: "a client gone within a chunk ends the iteration", App: "gone_iterable", Request: get, Gone: true, GoneAfter: 4,
			Want: ok(Unknown, "onet").seen("1", "2").closed(1).aborted()},
		{Name: "each chunk is sent before the next is asked for", App: "gone_iterable", Request: get, Gone: true, GoneAfter: 0,
			Want: ok(Unknown, "").seen("1").closed(1).aborted()},
		{Name: "a client gone before an empty response", App: "empty_iterable", Request: get, Gone: true, GoneAfter: 0,
			Want: ok(0, "").closed(1).aborted()},
		{Name: "an exception for a client that is gone", App: "gone_raises", Request: get, Gone: true, GoneAfter: 3,
			Want: ok(Unknown, "one").aborted()},
		{Name: "a client that is gone ends an endless iterable of empty bytestrings", App: "endless_nothing", Request: get, Gone: true, GoneAfter: 0,
			Python: true, Want: Want{NoHead: true}.closed(1).aborted()},
		{Name: "and an endless write() of nothing", App: "writes_nothing_for_ever", Request: get, Gone: true, GoneAfter: 0,
			Python: true, Want: Want{NoHead: true}.aborted()},
		{Name: "the application can ask whether the client is gone", App: "gone_asks", Request: get, Gone: true, GoneAfter: 3,
			Want: ok(Unknown, "one").seen("False", "True").closed(1)},
		{Name: "and whether it is still there", App: "gone_asks", Request: get, Want: ok(Unknown, "one").seen("False", "False").closed(1)},
		{Name: "a client gone within a file", App: "file", Request: get, Gone: true, GoneAfter: 4, Want: ok(10, "0123").file().closed(1).aborted()},
		{Name: "a client gone before a file", App: "file_after_ignored_write", Request: get, Gone: true, GoneAfter: 0,
			Want: ok(Unknown, "").seen("ConnectionResetError").closed(1).aborted()},
	}
}

// files: "PEP 3333, Optional Platform-Specific File Handling". The file holds ten digits; the query tells
// where it stands and which length is declared.
func files() []Behaviour {
	headOf := func(q string) func() *httpserver.Request {
		return func() *httpserver.Request { return Request("HEAD", "/?"+q) }
	}
	return []Behaviour{
		{Name: "a file is sent whole, with its length", App: "file", Request: get, Want: ok(10, "0123456789").file().closed(1)},
		{Name: "a file is sent from where it stands", App: "file", Request: query("offset=4"), Want: ok(6, "456789").file().closed(1)},
		{Name: "a file is cut at the declared length", App: "file", Request: query("length=3"), Want: ok(3, "012").file().closed(1)},
		{Name: "a part of a file", App: "file", Request: query("offset=4&length=3"), Want: ok(3, "456").file().closed(1)},
		{Name: "a file shorter than declared is broken off", App: "file", Request: query("offset=4&length=7"),
			Want: ok(7, "456789").file().closed(1).aborted("sent 6 of the 7 bytes")},
		{Name: "a file at its end is an empty response", App: "file", Request: query("offset=10"), Want: ok(0, "").closed(1)},
		{Name: "a file beyond its end is an empty response", App: "file", Request: query("offset=20"), Want: ok(0, "").closed(1)},
		{Name: "HEAD of a file tells its length", App: "file", Request: headOf(""), Want: ok(10, "").closed(1)},
		{Name: "HEAD of a part of a file tells the declared length", App: "file", Request: headOf("offset=4&length=3"), Want: ok(3, "").closed(1)},
		{Name: "a file with 304 is not sent", App: "file", Request: query("status=304"),
			Want: Want{Status: 304, Reason: "Status", Fields: []string{textPlain}, Length: Unknown, Closed: 1}},
		{Name: "a file with 204 is not sent", App: "file", Request: query("status=204"),
			Want: Want{Status: 204, Reason: "Status", Fields: []string{textPlain}, Length: Unknown, Closed: 1}},
		{Name: "a file without start_response is an error", App: "file_not_started", Request: get, Want: failed("before it called start_response()").closed(1)},
		{Name: "a file after write() has no length", App: "file_after_write", Request: get, Want: ok(Unknown, "> 0123456789").file().closed(1)},
		{Name: "a file-like object is read by blocks", App: "file_like", Request: get, Python: true, Want: ok(Unknown, "0123456789").closed(1)},
		{Name: "a file-like object without close() is read too", App: "file_like_without_close", Request: get, Python: true, Want: ok(Unknown, "0123456789")},
		{Name: "a file that a middleware wraps is iterated over", App: "file_in_middleware", Request: get, Python: true, Want: ok(Unknown, "0123456789").closed(1)},
	}
}
