package gateway_test

import (
	"encoding/json"
	"io"

	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
)

var excInfoFirst application = func(c *call) (gateway.Result, error) {
	if err := c.again("500 Replaced", "X-New: 2"); err != nil {
		return gateway.Result{}, err
	}
	return list("replacement")
}

// noting is an application that catches what f raises and notes it.
func noting(f func(c *call) error, then application) application {
	return func(c *call) (gateway.Result, error) {
		if err := f(c); err != nil {
			c.note(className(err))
		}
		return then(c)
	}
}

// answer does what the content of the request says.
func answer(c *call) (gateway.Result, error) {
	var wanted struct {
		Status  string      `json:"status"`
		Headers [][2]string `json:"headers"`
	}
	content, err := io.ReadAll(&c.x.Input)
	if err == nil {
		err = json.Unmarshal(content, &wanted)
	}
	if err != nil {
		return gateway.Result{}, err
	}
	var fields []httpserver.HeaderField
	for _, h := range wanted.Headers {
		fields = append(fields, httpserver.HeaderField{Name: latin1(h[0]), Value: latin1(h[1])})
	}
	if err := c.x.StartResponse(latin1(wanted.Status), fields, false); err != nil {
		return gateway.Result{}, err
	}
	return list("ok")
}

func latin1(s string) string {
	var p []byte
	for _, r := range s {
		p = append(p, byte(r))
	}
	return string(p)
}

var _ = register(map[string]application{
	"start_twice":        started(started(returns("hello"))),
	"start_twice_caught": started(noting(func(c *call) error { return c.respond("404 Not Found", false, "X-Second: 1") }, returns("hello"))),
	"exc_info_replaces": func(c *call) (gateway.Result, error) {
		if err := c.start("X-Old: 1", "Content-Length: 3", "Connection: close"); err != nil {
			return gateway.Result{}, err
		}
		return excInfoFirst(c)
	},
	"exc_info_first": excInfoFirst,
	"exc_info_after": started(generator(func(c *call, yield func(string, error) bool) {
		if yield("partial", nil) {
			yield("never", c.again("500 Replaced"))
		}
	})),
	"exc_info_swallowed": started(generator(func(c *call, yield func(string, error) bool) {
		if yield("partial", nil) {
			c.note(className(c.again("500 Replaced")))
			yield("never", nil)
		}
	})),
	"exc_info_swallowed_at_end": started(writes(noting(func(c *call) error { return c.again("500 Replaced") }, returns()), "partial")),
	"exc_info_after_write":      started(writes(excInfoFirst, "partial")),
	"start_again":               noting(func(c *call) error { return c.respond("Fine", false) }, started(returns("hello"))),
	"never_started":             returns("hello"),
	"never_started_empty":       returns(),
	"answer":                    answer,
})
