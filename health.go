package pyserve

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/pyserve/pyserve/httpserver"
)

// health answers requests for a path, in place of the application.
func health(path string) httpserver.Early {
	return func(r *httpserver.Request) func(w httpserver.ResponseWriter) {
		target, _, _ := strings.Cut(string(r.Target), "?")
		if target != path {
			return nil
		}
		method := string(r.Method) // r may be another request's when the answer is sent
		return func(w httpserver.ResponseWriter) { sendHealth(w, method) }
	}
}

func sendHealth(w httpserver.ResponseWriter, method string) {
	answer := httpserver.Answer{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Content: "ok\n"}
	if method != http.MethodGet && method != http.MethodHead {
		answer = httpserver.OwnAnswer(http.StatusMethodNotAllowed)
		answer.Fields = append(answer.Fields, httpserver.HeaderField{Name: "Allow", Value: "GET, HEAD"})
	}
	answer.Fields = append(answer.Fields, httpserver.HeaderField{Name: "Cache-Control", Value: "no-store"})
	_ = answer.Send(w, method) // w keeps its error
}

// checkHealthPath reports what cannot stand in a request-target as it is written there.
func checkHealthPath(path string) error {
	strange := func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '?' || c == '#' }
	switch {
	case path == "":
		return nil
	case path[0] != '/':
		return fmt.Errorf("health path %q: must start with \"/\"", path)
	case strings.ContainsFunc(path, strange):
		return fmt.Errorf("health path %q: must be a path as it stands in a request, without a query", path)
	}
	return nil
}
