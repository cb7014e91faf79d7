package gateway_test

import (
	"strconv"

	"github.com/pyserve/pyserve/gateway"
)

// closing is an application whose close() does this too.
func closing(chunks application, atClose func(c *call) error) application {
	return func(c *call) (gateway.Result, error) {
		res, err := chunks(c)
		if err == nil {
			b := res.Body.(*body)
			count := b.close
			b.close = func() error {
				if err := count(); err != nil {
					return err
				}
				return atClose(c)
			}
		}
		return res, err
	}
}

func writeMore(c *call) error { return c.write("more") }

func failInClose(*call) error { return exception("RuntimeError: in close") }

var ofLength5 = func(*call) string { return "Content-Length: 5" }

var _ = register(map[string]application{
	"raise_before":              raises("RuntimeError: before"),
	"raise_after_start":         startedWith(func(*call) string { return "Content-Length: 100" }, raises("RuntimeError: after start")),
	"raise_at_first":            started(yieldsThenRaises("RuntimeError: at first")),
	"raise_after_empty":         started(yieldsThenRaises("RuntimeError: after empty", "", "")),
	"raise_midway":              started(yieldsThenRaises("RuntimeError: midway", "one")),
	"raise_midway_declared":     startedWith(func(*call) string { return "Content-Length: 6" }, yieldsThenRaises("RuntimeError: midway", "one")),
	"raise_after_write":         started(writes(raises("RuntimeError: after write"), "one")),
	"raise_in_close":            startedWith(ofLength5, closing(yields("hello"), failInClose)),
	"raise_midway_and_in_close": started(closing(yieldsThenRaises("RuntimeError: midway", "one"), failInClose)),
	"raise_without_text":        raises("LookupError"),

	"exits":                 raises("SystemExit: 3"),
	"exits_midway":          started(yieldsThenRaises("SystemExit: 3", "one")),
	"interrupts":            raises("KeyboardInterrupt"),
	"generator_exit":        raises("GeneratorExit"),
	"generator_exit_midway": started(yieldsThenRaises("GeneratorExit", "one")),
	"exits_in_close":        startedWith(ofLength5, closing(yields("hello"), func(*call) error { return exception("SystemExit: 3") })),

	"write_in_close":               started(closing(yields("one"), writeMore)),
	"write_in_close_after_failure": started(closing(yieldsThenRaises("RuntimeError: midway", "one"), writeMore)),
	"start_in_close":               closing(yields(), func(c *call) error { return c.start() }),

	"gone_writer": started(func(c *call) (gateway.Result, error) {
		err := c.write("one")
		if err == nil {
			err = c.write("two")
			c.note(className(err))
		}
		return gateway.Result{}, err
	}),
	"gone_ignored": started(writes(noting(write("two"), noting(write("three"), yields("rest"))), "one")),
	"gone_iterable": started(generator(func(c *call, yield func(string, error) bool) {
		for i, chunk := range []string{"one", "two", "three"} {
			c.note(strconv.Itoa(i + 1))
			if !yield(chunk, nil) {
				return
			}
		}
	})),
	"gone_raises": started(func(c *call) (gateway.Result, error) {
		if c.write("one") == nil && c.write("two") != nil {
			return gateway.Result{}, exception("RuntimeError: cleaning up failed")
		}
		return list("never")
	}),
	"gone_asks": started(generator(func(c *call, yield func(string, error) bool) {
		c.note(pythonBool(c.x.Disconnected()))
		if yield("one", nil) {
			c.note(pythonBool(c.x.Disconnected()))
		}
	})),
})

func write(data string) func(*call) error {
	return func(c *call) error { return c.write(data) }
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
