package gateway_test

import (
	"iter"

	"github.com/pyserve/pyserve/gateway"
)

func sized(app application) application {
	return func(c *call) (gateway.Result, error) {
		res, err := app(c)
		res.Len = 1
		return res, err
	}
}

// generator is an application that yields what f yields.
func generator(f func(c *call, yield func(string, error) bool)) application {
	return func(c *call) (gateway.Result, error) {
		return c.counted(func(yield func(string, error) bool) { f(c, yield) })
	}
}

// bytesFrom are all 256 values of a byte, or n times zero.
func bytesFrom(n int, zero bool) string {
	p := make([]byte, n)
	for i := range p {
		if !zero {
			p[i] = byte(i)
		}
	}
	return string(p)
}

func cycle(chunks ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := 0; yield(chunks[i%len(chunks)], nil); i++ {
		}
	}
}

var startedLate = generator(func(c *call, yield func(string, error) bool) {
	if !yield("", nil) {
		return
	}
	if err := c.start(); err != nil {
		yield("", err)
		return
	}
	_ = yield("one", nil) && yield("two", nil)
})

var _ = register(map[string]application{
	"list_of_one":        started(returns("hello")),
	"tuple_of_one":       started(returns("hello")),
	"sized":              started(sized(yields("hello"))),
	"list_of_several":    started(returns("one", "two", "three")),
	"empty_list":         started(returns()),
	"list_of_nothing":    started(returns("")),
	"empty_iterable":     started(yields()),
	"iterable":           started(yields("one", "two", "three")),
	"generator_function": startedLate,
	"ClassWithIter":      startedLate,
	"replaced_after_empty": startedWith(func(*call) string { return "X-Old: 1" }, generator(func(c *call, yield func(string, error) bool) {
		for range 2 {
			if !yield("", nil) {
				return
			}
		}
		yield("replacement", c.again("503 Replaced"))
	})),
	"empty_between": started(yields("", "", "one", "", "two", "")),
	"long_chunk":    started(returns(bytesFrom(1<<17, true))),
	"all_bytes":     started(returns(bytesFrom(256, false))),

	"write_only":      started(writes(returns(), "one", "two")),
	"write_then_list": started(writes(returns("two"), "one")),
	"write_nothing":   started(writes(returns("hello"), "")),
	"write_between": started(generator(func(c *call, yield func(string, error) bool) {
		if yield("one", nil) {
			yield("three", c.write("two"))
		}
	})),

	"declared_list":      startedWith((*call).declare, returns("he", "llo")),
	"declared_iterable":  startedWith((*call).declare, yields("he", "llo")),
	"declared_write":     startedWith((*call).declare, writes(returns(), "he", "llo")),
	"declared_nothing":   startedWith((*call).declare, returns()),
	"endless":            startedWith((*call).declare, func(c *call) (gateway.Result, error) { return c.counted(cycle("one", "two")) }),
	"sized_and_declared": startedWith(func(*call) string { return "Content-Length: 7" }, sized(yields("hello"))),
	"wrongly_sized":      started(sized(yields("one", "two"))),
})
