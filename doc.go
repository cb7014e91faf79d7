// Package pyserve serves WSGI applications (PEP 3333) from a Go program: a Python application becomes an
// http.Handler.
//
//	python, err := pyserve.New(pyserve.Options{Venv: ".venv"})
//	…
//	shop, err := python.Handler(pyserve.App{Name: "shop.wsgi", Mount: "/shop"})
//	…
//	mux.Handle("/shop/", shop)
//
// A process has one Python: New starts it, and the last Close ends it. The package opens no sockets,
// handles no signals and never exits the process. The pyserve command is built on it too.
package pyserve
