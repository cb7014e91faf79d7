package pyhost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/environ"
	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/pyhost"
)

// fieldsOf makes fields of "Name: value".
func fieldsOf(lines ...string) (fields []httpserver.Field) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		fields = append(fields, httpserver.Field{Name: []byte(name), Value: []byte(value)})
	}
	return fields
}

// caller sends requests to applications, all with one builder.
type caller struct {
	builder *environ.Builder
	log     *slog.Logger
}

func newCaller(t *testing.T) *caller {
	builder, err := environ.NewBuilder(environ.Config{})
	require.NoError(t, err)
	return &caller{builder: builder, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// load returns a function that calls application on a Python thread, which is the calling one, and returns
// the answer. It belongs to one goroutine for each thread.
func (c *caller) load(t *testing.T, application string) func(thread int, r *httpserver.Request) []byte {
	handler := gateway.NewHandler(loadApp(t, "variables:"+application), c.builder, threads, gateway.Options{Log: c.log})
	return func(thread int, r *httpserver.Request) []byte {
		var w sink
		handler.Serve(thread, &w, r)
		return w.content
	}
}

func request(id, target string, fields ...httpserver.Field) *httpserver.Request {
	return &httpserver.Request{ID: id, Method: []byte("GET"), Target: []byte(target), Proto: "HTTP/1.1", Scheme: "http", Fields: fields}
}

// shapes are requests with different variables, or more of them, or with longer ones.
var shapes = []func(i int) []httpserver.Field{
	func(int) []httpserver.Field { return nil },
	func(i int) []httpserver.Field { return fieldsOf("Accept: */*", fmt.Sprint("Cookie: c", i)) },
	func(i int) []httpserver.Field { return fieldsOf(fmt.Sprint("Cookie: c", i), "Accept: */*") },
	func(i int) []httpserver.Field { return fieldsOf("X-Own: same", fmt.Sprint("Accept: ", i/2)) },
	func(i int) []httpserver.Field { return fieldsOf("X-Owm: other", fmt.Sprint("Accept: ", i)) },
	func(i int) []httpserver.Field { return fieldsOf("X-\xe9\xff: \xe9\xff", "Referer: \xe9") },
	func(i int) []httpserver.Field {
		return fieldsOf("User-Agent: "+strings.Repeat("u", 60+i%10), "Referer: ")
	},
	func(i int) []httpserver.Field { return fieldsOf("X-" + strings.Repeat("n", 60+i%3) + ": long name") },
	func(i int) []httpserver.Field {
		var lines []string
		for n := range 600 {
			lines = append(lines, fmt.Sprintf("X-%d: %d", n, i))
		}
		return fieldsOf(lines...)
	},
}

// checkDump compares what dump answered with what was packed for r.
func checkDump(t *testing.T, builder *environ.Builder, r *httpserver.Request, dump []byte) {
	var got struct {
		Texts          [][2]string
		Keys, Handles  []string
		Exact, Tracked bool
	}
	require.NoError(t, json.Unmarshal(dump, &got), "%q", dump)
	var block environ.Block
	require.NoError(t, builder.Build(&block, r))
	want := [][2]string{}
	keys := []string{"wsgi.file_wrapper", "wsgi.version", "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once", "wsgi.input_terminated"}
	for name, value := range block.All() {
		want = append(want, [2]string{latin1(name), latin1(string(value))})
		keys = append(keys, latin1(name))
	}
	keys = append(keys, "wsgi.input", "wsgi.errors", "pyserve.client_disconnected")
	require.Equal(t, want, got.Texts)
	require.Equal(t, keys, got.Keys)
	require.Equal(t, []string{"Input", "Errors", "builtin_function_or_method"}, got.Handles)
	require.True(t, got.Exact, "an exact dict with keys that are exact str")
	require.True(t, got.Tracked, "by the garbage collector")
}

func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func TestTheEnvironIsWhatWasPackedWhateverCameBefore(t *testing.T) {
	c := newCaller(t)
	dump := c.load(t, "dump")
	// Each of the numbers is a request of that shape.
	orders := map[string][]int{
		"the same": {0, 0, 0, 0, 1, 1, 1, 1}, "two in turn": {0, 1, 0, 1, 0, 1}, "pairs": {2, 2, 3, 3, 2, 2, 3, 3},
		"three in turn": {1, 2, 3, 1, 2, 3, 1, 2, 3}, "alike but for a letter": {3, 3, 3, 4, 4, 4, 3, 4, 3, 4},
		"beyond ASCII": {5, 5, 5}, "values that grow long": {6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6}, "names that grow long": {7, 7, 7, 7, 7, 7},
		"more than are remembered": {8, 8, 8, 8}, "all": {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 0, 0, 1, 1},
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			onThread(t, func(thread int) {
				for i, shape := range order {
					r := request(fmt.Sprint("id", i), fmt.Sprintf("/path%d?%d", i/3, i), shapes[shape](i)...)
					checkDump(t, c.builder, r, dump(thread, r))
				}
			})
		})
	}
}

func TestEachThreadHasItsOwnVariables(t *testing.T) {
	c := newCaller(t)
	dump := c.load(t, "dump")
	var all sync.WaitGroup
	for client := range threads {
		all.Go(func() {
			for i := range 200 {
				onThread(t, func(thread int) {
					r := request(fmt.Sprint(client, "-", i), fmt.Sprint("/", client), shapes[(client+i/5)%4](client*1000+i)...)
					checkDump(t, c.builder, r, dump(thread, r))
				})
			}
		})
	}
	all.Wait()
}

func TestWhatAnApplicationDoesToItsEnvironStaysInItsRequest(t *testing.T) {
	c := newCaller(t)
	dump, unruly := c.load(t, "dump"), c.load(t, "unruly")
	for _, change := range []string{"/clear", "/delete", "/replace", "/add", "/reorder", "/other/keys"} {
		t.Run(change[1:], func(t *testing.T) {
			onThread(t, func(thread int) {
				for i := range 5 {
					r := request(fmt.Sprint(i), change, shapes[1](i/2)...)
					require.Equal(t, "done", string(unruly(thread, r)))
					checkDump(t, c.builder, r, dump(thread, r))
				}
			})
		})
	}
}

func TestAnEnvironThatIsKeptDoesNotChange(t *testing.T) {
	c := newCaller(t)
	keep, clear := c.load(t, "keep"), c.load(t, "keep_nothing")
	onThread(t, func(thread int) {
		defer clear(thread, request("", "/"))
		want := [][][2]string{}
		for i := range 10 {
			r := request(fmt.Sprint("id", i), fmt.Sprint("/", i), shapes[3](i)...)
			var got [][][2]string
			require.NoError(t, json.Unmarshal(keep(thread, r), &got))
			require.Equal(t, want, got)
			var block environ.Block
			require.NoError(t, c.builder.Build(&block, r))
			var texts [][2]string
			for name, value := range block.All() {
				texts = append(texts, [2]string{name, string(value)})
			}
			want = append(want, texts)
		}
	})
}

func TestSecretsAndLongValuesAreNotKeptForTheNextRequest(t *testing.T) {
	c := newCaller(t)
	references := c.load(t, "references")
	fields := fieldsOf("Cookie: session", "Authorization: Basic abc", "Proxy-Authorization: Basic abc", "X-Api-Key: key",
		"X-CSRF-Token: token", "X-CSRFToken: token", "X-Own: perhaps secret", "Referer: "+strings.Repeat("long", 100), "User-Agent: short")
	onThread(t, func(thread int) {
		for range 5 {
			var beyond map[string]int
			require.NoError(t, json.Unmarshal(references(thread, request("id", "/path", fields...)), &beyond))
			for _, name := range []string{"HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION", "HTTP_X_API_KEY",
				"HTTP_X_CSRF_TOKEN", "HTTP_X_CSRFTOKEN", "HTTP_X_OWN", "HTTP_REFERER"} {
				require.Contains(t, beyond, name)
				assert.Zero(t, beyond[name], name)
			}
			assert.Positive(t, beyond["HTTP_USER_AGENT"], "this test does not see what is kept")
		}
	})
}

func TestTargetsThatMayHoldATokenAreNotKeptForTheNextRequest(t *testing.T) {
	c := newCaller(t)
	references := c.load(t, "references")
	onThread(t, func(thread int) {
		for target, kept := range map[string]map[string]bool{
			"/?token=abc":              {"PATH_INFO": true},
			"/?key":                    {"PATH_INFO": true},
			"/reset/MQ/c3nq7w-0123456": {},
			"/a/b":                     {"PATH_INFO": true, "RAW_URI": true, "REQUEST_URI": true},
		} {
			for i := range 5 {
				var beyond map[string]int
				require.NoError(t, json.Unmarshal(references(thread, request("id", target, fieldsOf("Referer: /?t=1")...)), &beyond))
				for _, name := range []string{"PATH_INFO", "RAW_URI", "REQUEST_URI", "QUERY_STRING", "HTTP_REFERER"} {
					if kept[name] && i == 0 {
						continue // nothing is kept yet
					} else if kept[name] {
						assert.Positive(t, beyond[name], "this test does not see what is kept")
						continue
					}
					if name == "QUERY_STRING" && !strings.Contains(target, "?") {
						continue // the empty one
					}
					assert.Zero(t, beyond[name], "%s of %s", name, target)
				}
			}
		}
	})
}

func TestWhatBelongsToARequestThatIsKeptNeverServesAnother(t *testing.T) {
	lines := &lineLog{}
	defer pyhost.RedirectErrors(slog.New(lines))()
	c := newCaller(t)
	handles, clear := c.load(t, "handles"), c.load(t, "keep_nothing")
	onThread(t, func(thread int) {
		defer clear(thread, request("", "/"))
		for i := range 5 {
			r := request(fmt.Sprint("id", i), "/")
			r.Body, r.ContentLength = strings.NewReader(r.ID), int64(len(r.ID))
			assert.JSONEq(t, fmt.Sprintf(`{"faults": [], "own": %q}`, r.ID), string(handles(thread, r)))
		}
	})
	want := []string{}
	for i := range 5 {
		for earlier := range i {
			want = append(want, fmt.Sprint("id", earlier, " of an earlier one"))
		}
	}
	assert.Equal(t, want, lines.taken)
}

// lineLog keeps the lines of wsgi.errors with their ids.
type lineLog struct {
	taken   []string
	onFirst func() // called before the first one is taken, if set
}

func (l *lineLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *lineLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lineLog) WithGroup(string) slog.Handler            { return l }

func (l *lineLog) Handle(_ context.Context, r slog.Record) error {
	if f := l.onFirst; f != nil {
		l.onFirst = nil
		f()
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "id" {
			l.taken = append(l.taken, a.Value.String()+" "+r.Message)
		}
		return true
	})
	return nil
}

func TestALineLeftByAThreadIsLoggedAsThatOfItsRequest(t *testing.T) {
	lines := &lineLog{}
	defer pyhost.RedirectErrors(slog.New(lines))()
	c := newCaller(t)
	unfinished, late, logs := c.load(t, "unfinished"), c.load(t, "late"), c.load(t, "logs")
	lines.onFirst = func() { // while the end of the first request waits for the log
		onThread(t, func(thread int) { late(thread, request("2", "/")) })
	}
	onThread(t, func(thread int) {
		unfinished(thread, request("1", "/"))
		logs(thread, request("3", "/"))
	})
	assert.Equal(t, []string{"1 the end", "1 late", "3 a line of its own"}, lines.taken)
}

func TestNamesThatChangeAllTheTimeTakeNoMemory(t *testing.T) {
	c := newCaller(t)
	handler := gateway.NewHandler(loadApp(t, "leaks:plain"), c.builder, threads, gateway.Options{Log: c.log})
	meter := newServer(t, "leaks:meter")
	onThread(t, func(thread int) {
		serve := func(from, to int) {
			for i := from; i < to; i++ { // twice each, so that they are remembered
				r := request("id", fmt.Sprint("/", i), fieldsOf(fmt.Sprintf("X-%d: %d", i/2, i), fmt.Sprint("Accept: ", i))...)
				handler.Serve(thread, &sink{}, r)
			}
		}
		serve(0, 1000)
		before := meter.blocks(t, thread)
		serve(1000, 11000)
		assert.InDelta(t, before, meter.blocks(t, thread), 50, "memory blocks of the interpreter")
	})
}
