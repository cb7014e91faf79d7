package pyserve_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/pyserve/pyserve"
)

// A Flask application beside Go handlers, on one mux.
func Example() {
	python, err := pyserve.New(context.Background(), pyserve.Options{Venv: "build/venv", Dir: "testdata", Threads: 4})
	if err != nil {
		log.Fatal(err)
	}
	flask, err := python.Load(context.Background(), pyserve.App{Name: "flaskapp:app", Mount: "/flask"})
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

// A middleware in Go says who the user is: the application finds it in REMOTE_USER.
func ExampleApp_environ() {
	python, err := pyserve.New(context.Background(), pyserve.Options{Venv: "build/venv", Dir: "testdata", Threads: 4})
	if err != nil {
		log.Fatal(err)
	}
	defer python.Close(context.Background())
	type userKey struct{}
	app, err := python.Load(context.Background(), pyserve.App{Name: "apps.environ:app", Environ: func(r *http.Request) map[string]string {
		user, _ := r.Context().Value(userKey{}).(string)
		return map[string]string{"REMOTE_USER": user}
	}})
	if err != nil {
		log.Fatal(err)
	}
	authenticated := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if password != "secret" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		app.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
	})
	request := httptest.NewRequest("GET", "/", nil)
	request.SetBasicAuth("alice", "secret")
	response := httptest.NewRecorder()
	authenticated.ServeHTTP(response, request)
	fmt.Println(response.Code, strings.Contains(response.Body.String(), `"value": "alice"`))

	// Output: 200 true
}

// An exception of the import has its traceback.
func ExampleError() {
	python, err := pyserve.New(context.Background(), pyserve.Options{Venv: "build/venv", Dir: "testdata", Threads: 4})
	if err != nil {
		log.Fatal(err)
	}
	defer python.Close(context.Background())
	_, err = python.Load(context.Background(), pyserve.App{Name: "apps.raises_at_import:app"})
	var exception *pyserve.Error
	if errors.As(err, &exception) {
		fmt.Println(exception.Type, strings.Contains(exception.Traceback(), "raises_at_import.py"))
	}

	// Output: ZeroDivisionError true
}

// The fastest server on Linux, from Go: the Python threads wait for connections themselves. One application a process.
func ExampleApplication_Serve() {
	python, err := pyserve.New(context.Background(), pyserve.Options{Engine: pyserve.EngineReactor})
	if err != nil {
		log.Fatal(err)
	}
	shop, err := python.Load(context.Background(), pyserve.App{Name: "shop:app"})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:8000")
	if err != nil {
		log.Fatal(err)
	}
	time.AfterFunc(time.Hour, func() { _ = shop.Shutdown(context.Background()) })
	if err := shop.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	_ = python.Close(context.Background())
}
