// Package pyserve serves WSGI applications (PEP 3333) from a Go program: a Python application becomes an
// http.Handler.
//
//	python, err := pyserve.New(ctx, pyserve.Options{Venv: ".venv"})
//	…
//	shop, err := python.Load(ctx, pyserve.App{Name: "shop.wsgi", Mount: "/shop"})
//	…
//	mux.Handle("/shop/", shop)
//
// A process has one Python: New starts it, and the last Close ends it. The package opens no sockets,
// handles no signals and never exits the process. The pyserve command is built on it too.
//
// This package, and pyhost/prestart, are what is promised; the packages below are not for other programs.
//
// # Building
//
// The package needs cgo, and a Python to link. In a checkout of pyserve, `make setup` prepares both for the Python that
// PYTHON= names, and writes build/python/env.sh; with that in the environment, go build and go test work, in another module too:
//
//	make -C ../pyserve setup PYTHON=/usr/bin/python3.12
//	. ../pyserve/build/python/env.sh
//	go build ./...
//
// # Requests and threads
//
// An application runs on Options.Threads threads of its own, however many goroutines call its ServeHTTP; the others wait
// in a queue. ServeHTTP reads the request's content before that, and sends the response while the thread goes on, so that
// slow clients cost no thread.
package pyserve
