package gatewaytest

import (
	"fmt"
	"testing/iotest"

	"github.com/pyserve/pyserve/httpserver"
)

// inputs: "PEP 3333, Input and Error Streams". The application "input" does the operations that the query
// names, separated by commas, each with arguments after colons, and answers with their results,
// separated by "|": bytes as they are, lists joined by "/", exceptions by the name of their type.
func inputs() (list []Behaviour) {
	const content = "one\ntwo\n\nlonger line\nend"
	add := func(name string, python bool, operations, result string, request func(target string) *httpserver.Request) {
		list = append(list, Behaviour{Name: "input: " + name + ": " + operations, App: "input", Python: python,
			Request: func() *httpserver.Request { return request("/?" + operations) }, Want: ok(int64(len(result)), result)})
	}
	streams := []struct {
		name string
		make func(target string) *httpserver.Request
	}{
		{"spooled", func(target string) *httpserver.Request { return Request("POST", target, content) }},
		{"streamed", func(target string) *httpserver.Request {
			return Streamed("POST", target, "o", "ne\ntwo\n\nlonger ", "", "line\ne", "nd")
		}},
		{"chunked", func(target string) *httpserver.Request {
			return Chunked("POST", target, "one\ntw", "o\n\nlong", "er line\nend")
		}},
	}
	for _, stream := range streams {
		for _, tt := range readings {
			add(stream.name, false, tt.operations, tt.result, stream.make)
		}
	}
	for _, tt := range seekings {
		add("spooled", false, tt.operations, tt.result, streams[0].make)
	}
	for _, stream := range streams[1:] {
		add(stream.name, false, "read:3,seekable,seek:0,read:3", "one|False|UnsupportedOperation|\ntw", stream.make)
	}
	none := func(target string) *httpserver.Request { return Request("GET", target) }
	add("none", false, "read,read:5,readline,readlines,iter,next,read:0,tell,seekable,seek:0,read", "||||||"+"|0|True|0|", none)
	add("spooled", true, "readinto:3,readinto:100,readinto:5", "one|\ntwo\n\nlonger line\nend|", streams[0].make)
	add("spooled", true, "read:None,read:-1", content+"|", streams[0].make)
	add("spooled", true, "readline:None,readlines:None,readline:-1", "one\n|two\n/\n/longer line\n/end|", streams[0].make)
	add("spooled", true, "read:x,readline:x,seek:x,read:1:2", "TypeError|TypeError|TypeError|TypeError", streams[0].make)
	add("spooled", true, "close,flush,read:3,readable,writable,closed,isatty", "None|None|one|True|False|False|False", streams[0].make)
	add("spooled", true, "fileno,detach,truncate,write:x,writelines:x",
		"UnsupportedOperation|UnsupportedOperation|UnsupportedOperation|UnsupportedOperation|UnsupportedOperation", streams[0].make)
	add("spooled", true, "read1:3,read1,read1,read1:x", "one|\ntwo\n\nlonger line\nend||TypeError", streams[0].make)
	add("spooled", true, "text,with,buffered,iobase", "one\ntwo\n\nlonger line\nend|one\ntwo\n\nlonger line\nend|one\n|True", streams[0].make)
	for _, stream := range streams[1:] {
		add(stream.name, true, "read1:2,read,read1,readinto1:2", "o|ne\ntwo\n\nlonger line\nend||", func(target string) *httpserver.Request {
			r := stream.make(target)
			r.Body = iotest.OneByteReader(r.Body)
			return r
		})
		add(stream.name, true, "text", content, stream.make)
	}
	return append(list, brokenInputs()...)
}

var readings = []struct{ operations, result string }{
	{"read", "one\ntwo\n\nlonger line\nend"},
	{"read,read,read:1,readline,readlines,next", "one\ntwo\n\nlonger line\nend|||||"},
	{"read:5,read:0,read:4,read", "one\nt||wo\n\n|longer line\nend"},
	{"read:24,read:1", "one\ntwo\n\nlonger line\nend|"},
	{"read:1000000,read:1", "one\ntwo\n\nlonger line\nend|"},
	{"readline,readline,readline,readline,readline,readline", "one\n|two\n|\n|longer line\n|end|"},
	{"readline:2,readline:2,readline:4,readline:0,readline:1,readline:100", "on|e\n|two\n||\n|longer line\n"},
	{"readlines", "one\n/two\n/\n/longer line\n/end"},
	{"readlines:1,readlines:5,readlines:0,readlines", "one\n|two\n/\n|longer line\n/end|"},
	{"iter,iter", "one\n/two\n/\n/longer line\n/end|"},
	{"next,read:2,next,tell,iter,tell", "one\n|tw|o\n|8|\n/longer line\n/end|24"},
	{"tell,read:3,tell,readline,tell,read,tell", "0|one|3|\n|4|two\n\nlonger line\nend|24"},
}

var seekings = []struct{ operations, result string }{
	{"read,seek:0,read", "one\ntwo\n\nlonger line\nend|0|one\ntwo\n\nlonger line\nend"},
	{"seekable,seek:4,readline,seek:0,readline", "True|4|two\n|0|one\n"},
	{"seek:4:1,read:3,seek:-3:1,read:3,seek:-3:2,read", "4|two|4|two|21|end"},
	{"seek:0:2,read,tell,seek:0,read:3", "24||24|0|one"},
	{"seek:100,tell,read,readline,read:5,seek:-99:1,read:2", "100|100||||1|ne"},
	{"seek:-1,seek:0:7,seek:-100:2,read:3", "ValueError|ValueError|ValueError|one"},
}

// brokenInputs: a client that breaks off never looks like the end of the content.
func brokenInputs() (list []Behaviour) {
	for _, tt := range []struct{ name, operations, result string }{
		{"read()", "read,read,readline,next", "OSError|OSError|OSError|OSError"},
		{"read(n) up to the break", "read:4,read:1,read:0", "abc\n|d|"},
		{"read(n) over the break", "read:3,read:3,read:1", "abc|OSError|OSError"},
		{"readline() over the break", "readline,readline,readlines", "abc\n|OSError|OSError"},
		{"readlines()", "readlines,readlines", "OSError|OSError"},
		{"iteration", "next,iter", "abc\n|OSError"},
	} {
		for _, length := range []int64{9, Unknown} {
			list = append(list, Behaviour{
				Name: fmt.Sprintf("content of declared length %d that is broken off: %s", length, tt.name), App: "input", Want: ok(int64(len(tt.result)), tt.result),
				Request: func() *httpserver.Request { return BrokenOff("POST", "/?"+tt.operations, length, "ab", "c\nd") },
			})
		}
	}
	return append(list,
		Behaviour{Name: "content that ends before its declared length is broken off", App: "input", Want: ok(7, "OSError"), Request: func() *httpserver.Request {
			r := Streamed("POST", "/?read", "abc")
			r.ContentLength = 4
			return r
		}},
		Behaviour{Name: "an application that does not catch it gets a 500", App: "reads", Want: failed("broke off"), Request: func() *httpserver.Request {
			return BrokenOff("POST", "/", 9, "abc")
		}},
	)
}

// afterwards: what an application keeps of a request, and its log.
func afterwards() []Behaviour {
	const all = "write RuntimeError|start_response RuntimeError|read ValueError|readline ValueError|seek ValueError|client_disconnected RuntimeError|errors None"
	return []Behaviour{
		{Name: "what belongs to a request raises after its end", App: "after_the_end", Request: get, Twice: true, Python: true, Want: ok(int64(len(all)), all)},
		{Name: "wsgi.errors is logged by line, with the request's id", App: "errors", Request: get, Python: true, Want: func() Want {
			w := ok(5, "hello")
			w.Errors = []string{"msg=one", "msg=two", "msg=three", "msg=four", "msg=", "msg=sn\u2603w", "msg=five"}
			return w
		}()},
		{Name: "a last line of wsgi.errors without newline is logged when the application fails", App: "errors_then_raise", Request: get, Python: true, Want: func() Want {
			w := failed("RuntimeError: failed")
			w.Errors = []string{"msg=last"}
			return w
		}()},
	}
}
