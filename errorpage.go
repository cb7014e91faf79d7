package pyserve

import (
	"errors"
	"html"
	"net/http"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/pyhost"
)

// ErrorPage returns an application that answers every request with why a could not be loaded, traceback included: for
// development, while somebody mends it. Never show it to strangers. The error is [ErrClosed], or says that there are no
// threads to answer on.
func (rt *Runtime) ErrorPage(a App, failure error) (*Application, error) {
	text := failure.Error()
	var exception *pyhost.Error
	if errors.As(failure, &exception) && exception.Traceback() != "" {
		text = exception.Traceback()
	}
	page := "<!doctype html>\n<meta charset=utf-8>\n<title>" + html.EscapeString(a.Name) + " could not be imported</title>\n" +
		"<h1>" + html.EscapeString(a.Name) + " could not be imported</h1>\n<pre>" + html.EscapeString(text) + "</pre>\n"
	var err error
	if closed := rt.onMain(func() { err = rt.startThreads() }); closed != nil || err != nil {
		return nil, errors.Join(closed, err)
	}
	return rt.newApplication(a, errorPage(page)), nil
}

// errorPage answers with itself.
type errorPage string

// Serve implements httpserver.Handler.
func (p errorPage) Serve(_ int, w httpserver.ResponseWriter, r *httpserver.Request) {
	answer := httpserver.Answer{
		Status: http.StatusInternalServerError, ContentType: "text/html; charset=utf-8", Content: string(p),
		Fields: []httpserver.HeaderField{{Name: "Cache-Control", Value: "no-store"}},
	}
	_ = answer.Send(w, string(r.Method)) // a client that is gone is the engine's business
}
