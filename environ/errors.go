package environ

import "errors"

// ErrNotMounted says that the request is for a path outside of Config.Mount. The answer to it is 404.
var ErrNotMounted = errors.New("the path is outside of the application's mount point")

// BadRequestError says that no environ can be made of a request. The answer to it is 400.
type BadRequestError struct {
	// Reason is a short phrase for the log. It holds nothing that the client sent.
	Reason string
}

// Error returns the reason, and that the request is what it is about.
func (e *BadRequestError) Error() string {
	return "bad request: " + e.Reason
}
