package gatewaytest

import (
	"fmt"

	"github.com/pyserve/pyserve/httpserver"
)

// bodies: "PEP 3333, Buffering and Streaming", and what an application may return.
func bodies() []Behaviour {
	return []Behaviour{
		{Name: "a list of one has its length", App: "list_of_one", Request: get, Want: ok(5, "hello")},
		{Name: "a tuple of one has its length", App: "tuple_of_one", Request: get, Want: ok(5, "hello")},
		{Name: "an iterable with len() 1 has its length", App: "sized", Request: get, Want: ok(5, "hello").closed(1)},
		{Name: "a list of several has no length", App: "list_of_several", Request: get, Want: ok(Unknown, "onetwothree")},
		{Name: "an empty list is an empty response", App: "empty_list", Request: get, Want: ok(0, "")},
		{Name: "a list of an empty bytestring is an empty response", App: "list_of_nothing", Request: get, Want: ok(0, "")},
		{Name: "an empty iterable is an empty response", App: "empty_iterable", Request: get, Want: ok(0, "").closed(1)},
		{Name: "an iterable without len() has no length", App: "iterable", Request: get, Want: ok(Unknown, "onetwothree").closed(1)},
		{Name: "a generator function may call start_response late", App: "generator_function", Request: get, Want: ok(Unknown, "onetwo").closed(1)},
		{Name: "a class may be the application", App: "ClassWithIter", Request: get, Want: ok(Unknown, "onetwo").closed(1)},
		{Name: "empty chunks do not send the head", App: "replaced_after_empty", Request: get,
			Want: Want{Status: 503, Reason: "Replaced", Length: Unknown, Content: "replacement", Closed: 1}},
		{Name: "empty chunks in between are no end", App: "empty_between", Request: get, Want: ok(Unknown, "onetwo").closed(1)},
		{Name: "a long chunk passes whole", App: "long_chunk", Request: get, Want: ok(1<<17, string(make([]byte, 1<<17)))},
		{Name: "every byte value passes", App: "all_bytes", Request: get, Want: ok(256, allBytes())},

		{Name: "write() alone makes the content", App: "write_only", Request: get, Want: ok(Unknown, "onetwo")},
		{Name: "what write() got comes before the iterable", App: "write_then_list", Request: get, Want: ok(Unknown, "onetwo")},
		{Name: "write() of nothing sends nothing yet", App: "write_nothing", Request: get, Want: ok(5, "hello")},
		{Name: "write() works between the chunks of a generator", App: "write_between", Request: get, Want: ok(Unknown, "onetwothree").closed(1)},
	}
}

func allBytes() string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return string(all)
}

// declaredLengths: "PEP 3333, Handling the Content-Length Header". The applications declare the length in
// the query and send "he" and "llo", in three ways.
func declaredLengths() (list []Behaviour) {
	for _, way := range []struct {
		app    string
		closed int
	}{{"declared_list", 0}, {"declared_iterable", 1}, {"declared_write", 0}} {
		declare := func(n int) func() *httpserver.Request { return query(fmt.Sprint(n)) }
		list = append(list,
			Behaviour{Name: way.app + ": content as long as declared", App: way.app, Request: declare(5), Want: ok(5, "hello").closed(way.closed)},
			Behaviour{Name: way.app + ": content shorter than declared is broken off", App: way.app, Request: declare(7),
				Want: ok(7, "hello").closed(way.closed).aborted("sent 5 of the 7 bytes")},
			Behaviour{Name: way.app + ": a chunk beyond the declared length is cut", App: way.app, Request: declare(3),
				Want: ok(3, "hel").closed(way.closed).logged("more content than its Content-Length")},
			Behaviour{Name: way.app + ": a chunk after the declared length is cut", App: way.app, Request: declare(2),
				Want: ok(2, "he").closed(way.closed).logged("more content than its Content-Length")},
			Behaviour{Name: way.app + ": content where none is declared is cut", App: way.app, Request: declare(0),
				Want: ok(0, "").closed(way.closed).logged("more content than its Content-Length")},
			Behaviour{Name: way.app + ": a HEAD request is told the declared length", App: way.app,
				Request: func() *httpserver.Request { return Request("HEAD", "/?7") }, Want: ok(7, "").closed(way.closed)},
		)
	}
	return append(list,
		Behaviour{Name: "an endless iterable ends at the declared length", App: "endless", Request: query("4"),
			Want: ok(4, "onet").closed(1).logged("more content than its Content-Length")},
		Behaviour{Name: "an empty list is shorter than declared", App: "declared_nothing", Request: query("1"),
			Want: ok(1, "").aborted("sent 0 of the 1 bytes")},
		Behaviour{Name: "len() 1 does not override the declared length", App: "sized_and_declared", Request: get,
			Want: ok(7, "hello").closed(1).aborted("sent 5 of the 7 bytes")},
		Behaviour{Name: "an iterable that gives more than its len() is cut", App: "wrongly_sized", Request: get,
			Want: ok(3, "one").closed(1).logged("more content than its Content-Length")},
	)
}

// withoutContent: HEAD, 204, 205 and 304 (RFC 9110, sections 6.4.1, 9.3.2, 15.3.5, 15.3.6, 15.4.5).
func withoutContent() []Behaviour {
	statusOnly := func(status int, reason string, length int64) Want {
		return Want{Status: status, Reason: reason, Length: length}
	}
	return []Behaviour{
		{Name: "HEAD of a list of one tells its length", App: "list_of_one", Request: head, Want: ok(5, "")},
		{Name: "HEAD of an iterable tells no length", App: "iterable", Request: head, Want: ok(Unknown, "").closed(1)},
		{Name: "HEAD of an empty list tells no length", App: "empty_list", Request: head, Want: ok(Unknown, "")},
		{Name: "HEAD ends an endless iterable", App: "endless", Request: func() *httpserver.Request { return Request("HEAD", "/?100") }, Want: ok(100, "").closed(1)},
		{Name: "HEAD with write() sends no content", App: "write_then_list", Request: head, Want: ok(Unknown, "")},
		{Name: "HEAD of a failing application is a 500 without content", App: "raise_before", Request: head, Want: func() Want {
			w := failed("RuntimeError: before")
			w.Content = ""
			return w
		}()},
		{Name: "204 has neither content nor length", App: "answer", Request: answer("204 No Content"), Want: statusOnly(204, "No Content", Unknown)},
		{Name: "204 loses a declared length", App: "answer", Request: answer("204 No Content", "Content-Length", "0"), Want: statusOnly(204, "No Content", Unknown)},
		{Name: "205 has the length 0", App: "answer", Request: answer("205 Reset Content"), Want: statusOnly(205, "Reset Content", 0)},
		{Name: "304 does not tell the length of its own list", App: "answer", Request: answer("304 Not Modified"), Want: statusOnly(304, "Not Modified", Unknown)},
		{Name: "304 keeps the length that the application declares", App: "answer", Request: answer("304 Not Modified", "Content-Length", "1234"), Want: statusOnly(304, "Not Modified", 1234)},
	}
}
