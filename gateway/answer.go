package gateway

import (
	"errors"
	"fmt"
	"html"
	"strconv"

	"github.com/pyserve/pyserve/httpserver"
)

// answer sends a short response of the server's own in place of the application's. failure, which may be
// nil, is shown only with Options.Debug.
func (x *Exchange) answer(status int, failure error) {
	answer := httpserver.OwnAnswer(status)
	if x.h.debug && failure != nil {
		answer.ContentType, answer.Content = "text/html; charset=utf-8", debugPage(failure)
	}
	x.head = *answer.Head(string(x.r.Method))
	x.started = true
	if err := x.Write([]byte(answer.Content)); err != nil {
		x.w.Abort()
	}
}

// debugPage shows an exception to a developer.
func debugPage(failure error) string {
	details := traceback(failure)
	if details == "" {
		details = failure.Error()
	}
	return fmt.Sprintf("<!DOCTYPE html>\n<title>500 Internal Server Error</title>\n"+
		"<h1>Internal Server Error</h1>\n<p>%s</p>\n<pre>%s</pre>\n"+
		"<p>This page is shown because the server shows exceptions to clients (debug).</p>\n",
		html.EscapeString(strconv.QuoteToGraphic(failure.Error())), html.EscapeString(details))
}

// traceback returns the Python traceback that err carries, "" if it has none.
func traceback(err error) string {
	var t interface{ Traceback() string }
	if errors.As(err, &t) {
		return t.Traceback()
	}
	return ""
}
