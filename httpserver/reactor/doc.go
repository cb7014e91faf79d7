// Package reactor is the engine for plain HTTP/1.0 and 1.1 on Linux: the Python threads themselves wait for
// connections (epoll), read, parse, and answer, so that a request is never handed from one thread to
// another unless a thread is blocked.
//
// Its parts: the scheduler (who polls, who is inside the application, who is parked), which is pure state;
// the controller, which decides how many threads are active; connections and their phases; the response
// writer. It knows HTTP through http1's parser and httpserver's types, and nothing of Python.
package reactor
