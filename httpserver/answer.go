package httpserver

import "net/http"

// Answer is a short response of the server's own, in place of the handler's.
type Answer struct {
	Status int
	// ContentType is the value of the Content-Type field.
	ContentType string
	Content     string
	// Fields follow Content-Type.
	Fields []HeaderField
	// Close has the connection closed afterwards.
	Close bool
}

// explanations say what is wrong with a request, or what its client can do, where the name of the status does not.
var explanations = map[int]string{
	http.StatusRequestTimeout:              "The request came too slowly.",
	http.StatusRequestEntityTooLarge:       "The request has more content than the server accepts.",
	http.StatusRequestURITooLong:           "The request's target is longer than the server accepts.",
	http.StatusExpectationFailed:           "The only expectation the server knows is 100-continue.",
	http.StatusRequestHeaderFieldsTooLarge: "The request's header section is larger than the server accepts.",
	http.StatusServiceUnavailable:          "The server cannot take the request now. Try again later.",
}

// OwnAnswer returns the server's answer with that status: plain text that says what it means. 503 asks the client to come
// back after a second (RFC 9110, section 10.2.3).
func OwnAnswer(status int) Answer {
	a := Answer{Status: status, ContentType: "text/plain; charset=utf-8", Content: http.StatusText(status) + "\n"}
	if more := explanations[status]; more != "" {
		a.Content += "\n" + more + "\n"
	}
	if status == http.StatusServiceUnavailable {
		a.Fields = []HeaderField{{Name: "Retry-After", Value: "1"}}
	}
	return a
}

// Head returns the head of a as the response to a request with that method.
func (a *Answer) Head(method string) *Head {
	return &Head{
		Status: a.Status, Reason: http.StatusText(a.Status), Close: a.Close,
		Fields:        append([]HeaderField{{Name: "Content-Type", Value: a.ContentType}}, a.Fields...),
		ContentLength: int64(len(a.Content)),
		NoContent:     method == http.MethodHead,
	}
}

// Send sends a by w, which has sent nothing, as the response to a request with that method. The error is one of w's.
func (a *Answer) Send(w ResponseWriter, method string) error {
	head := a.Head(method)
	err := w.WriteHead(head)
	if err == nil && !head.NoContent {
		err = w.Write([]byte(a.Content))
	}
	return err
}
