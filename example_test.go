package pyserve_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/pyserve/pyserve"
)

// A Flask application beside Go handlers, on one mux.
func Example() {
	python, err := pyserve.New(pyserve.Options{Venv: "build/venv", Dir: "testdata", Threads: 4})
	if err != nil {
		log.Fatal(err)
	}
	flask, err := python.Handler(pyserve.App{Name: "flaskapp:app", Mount: "/flask"})
	if err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.Handle("/flask/", flask)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "Hello from Go") })
	server := httptest.NewServer(mux) // or http.ListenAndServe
	for _, path := range []string{"/", "/flask/hello"} {
		response, err := http.Get(server.URL + path)
		if err != nil {
			log.Fatal(err)
		}
		content, _ := io.ReadAll(response.Body)
		fmt.Println(response.StatusCode, string(content[:13]))
	}
	server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := python.Close(ctx); err != nil {
		log.Fatal(err)
	}

	// Output:
	// 200 Hello from Go
	// 200 Hello from Fl
}
