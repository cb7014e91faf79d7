package gateway_test

import (
	"net/url"
	"os"
	"strconv"

	"github.com/pyserve/pyserve/gateway"
)

// tenDigits returns a file wrapper around a file of ten digits that stands at offset.
func tenDigits(c *call, offset int64) (gateway.Result, error) {
	f, err := os.CreateTemp(c.fakes.t.TempDir(), "digits")
	if err != nil {
		return gateway.Result{}, err
	}
	if _, err := f.WriteString("0123456789"); err != nil {
		return gateway.Result{}, err
	}
	res, err := c.counted(func(func(string, error) bool) { panic("the gateway iterates over a file") })
	res.File = &gateway.File{F: f, Offset: offset, Size: 10}
	return res, err
}

func fileFromStart(c *call) (gateway.Result, error) { return tenDigits(c, 0) }

// file does what its query says.
func file(c *call) (gateway.Result, error) {
	wanted, err := url.ParseQuery(c.query())
	if err != nil {
		return gateway.Result{}, err
	}
	fields, status := []string{"Content-Type: text/plain"}, "200 OK"
	if wanted.Has("length") {
		fields = append(fields, "Content-Length: "+wanted.Get("length"))
	}
	if wanted.Has("status") {
		status = wanted.Get("status") + " Status"
	}
	if err := c.respond(status, false, fields...); err != nil {
		return gateway.Result{}, err
	}
	offset, _ := strconv.ParseInt(wanted.Get("offset"), 10, 64)
	return tenDigits(c, offset)
}

var _ = register(map[string]application{
	"file":                     file,
	"file_not_started":         fileFromStart,
	"file_after_write":         started(writes(fileFromStart, "> ")),
	"file_after_ignored_write": started(noting(write("> "), fileFromStart)),
})
