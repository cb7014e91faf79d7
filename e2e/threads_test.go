package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// together sends n requests for path at once and returns the answers.
func together(t *testing.T, c *client, n int, path string) []answer {
	t.Helper()
	answers, errs := make([]answer, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { answers[i], errs[i] = c.try("GET", path, nil) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	return answers
}

type threadInfo struct {
	Name          string
	Ident, Native uint64
	Main, Alive   bool
	Served        int
	ImportedOn    struct {
		Ident uint64
		Main  bool
	} `json:"imported_on"`
}

func TestThreads(t *testing.T) {
	t.Parallel()
	const threads = 4
	s := start(t, "apps.threads:app", "--threads", fmt.Sprint(threads))
	c := s.client(t)

	t.Run("as many requests run at once as there are threads", func(t *testing.T) {
		idents := map[uint64]bool{}
		for _, a := range together(t, c, threads, fmt.Sprintf("/meet?n=%d", threads)) {
			idents[decode[threadInfo](t, a).Ident] = true
		}
		assert.Len(t, idents, threads)
	})
	t.Run("there are no more threads, and each keeps its identity and threading.local", func(t *testing.T) {
		served, names, natives := map[uint64]int{}, map[string]uint64{}, map[uint64]bool{}
		const rounds, atOnce = 10, 16
		for range rounds {
			for _, a := range together(t, c, atOnce, "/me") {
				got := decode[threadInfo](t, a)
				served[got.Ident] = max(served[got.Ident], got.Served)
				names[got.Name] = got.Ident
				natives[got.Native] = true
				assert.True(t, got.Alive)
				assert.True(t, got.ImportedOn.Main, "the application is imported on Python's main thread")
			}
		}
		assert.LessOrEqual(t, len(served), threads)
		assert.Len(t, natives, len(served))
		assert.Len(t, names, len(served), "each thread has a name of its own: %v", names)
		sum := 0
		for _, n := range served {
			sum += n
		}
		assert.Equal(t, rounds*atOnce, sum, "threading.local must last from request to request")
	})
	t.Run("a database connection kept per thread goes on working", func(t *testing.T) {
		calls := map[uint64]int{}
		for range 5 {
			for _, a := range together(t, c, 8, "/sqlite") {
				got := decode[struct {
					Ident uint64
					Calls int
				}](t, a)
				calls[got.Ident] = max(calls[got.Ident], got.Calls)
			}
		}
		sum := 0
		for _, n := range calls {
			sum += n
		}
		assert.Equal(t, 40, sum)
	})
	t.Run("no request sees the context variables of another", func(t *testing.T) {
		for range 3 * threads {
			assert.Equal(t, "empty", getJSON[map[string]string](t, c, "/context")["found"])
		}
		assert.Equal(t, strings.Repeat("set by the view\n", 3), c.get(t, "/context_in_stream").Body)
	})
}

func TestHooksSetAtImportSeeTheRequestsOfAllThreads(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{{}, {"--preload"}, {"--engine", "nethttp"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			t.Parallel()
			const threads = 4
			c := start(t, "apps.hooks:app", append(flags, "--threads", fmt.Sprint(threads))...).client(t)
			names := map[string]int{}
			for range 2 {
				for _, a := range together(t, c, threads, "/me") {
					names[decode[string](t, a)]++
				}
			}
			assert.Len(t, names, threads)
			assert.NotContains(t, names, "MainThread")
			got := getJSON[map[string]map[string]int](t, c, "/seen")
			assert.Equal(t, names, got["traced"])
			assert.Equal(t, names, got["profiled"])
		})
	}
}

func TestOneThreadIsPythonsMainThread(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.threads:app", "--threads", "1")
	c := s.client(t)
	for served := 1; served <= 3; served++ {
		got := getJSON[threadInfo](t, c, "/me")
		assert.True(t, got.Main)
		assert.Equal(t, got.ImportedOn.Ident, got.Ident)
		assert.Equal(t, served, got.Served)
	}
	type flags struct{ Multithread, Multiprocess bool }
	assert.Equal(t, flags{}, getJSON[flags](t, c, "/interpreter"))
}

func TestWhatViewsDoWithTheInterpreter(t *testing.T) {
	t.Parallel()
	s := start(t, "apps.threads:app")
	c := s.client(t)
	squares := `{"result": [0, 1, 4, 9, 16, 25]}`
	for _, tt := range []struct {
		path   string
		atOnce int // several, so that more than one thread has to do it, the main one or not
		want   string
	}{
		{"/run_asyncio", 3, `{"result": 10}`},
		{"/spawn", 3, `{"result": 49, "exit": 0}`},
		{"/fork", 3, `{"result": 49, "exit": 0}`},
		{"/forkserver", 3, `{"result": 49, "exit": 0}`},
		{"/pool", 3, squares},
		{"/thread_pool", 3, squares},
		// One: CPython 3.12 and later hang by themselves, once in ten times, when three threads do this at once.
		{"/process_pool", 1, squares},
		{"/ended_at_birth", 1, `{"survivors": 0}`},
		{"/os_fork", 3, `{"result": 81, "exit": 4}`},
		{"/deep_python", 3, `{"raised": "RecursionError", "shallow": 500}`},
		{"/hashes", 3, `{"wrong": [], "same": true, "mac": true}`},
		{"/numpy", 3, `{"close": true}`},
		{"/lxml", 3, `{"found": ["x", "y"]}`},
		{"/cryptography", 3, `{"opened": "secret"}`},
	} {
		t.Run(tt.path, func(t *testing.T) {
			for _, a := range append(together(t, c, tt.atOnce, tt.path), c.get(t, tt.path)) {
				require.Equal(t, 200, a.Status)
				assert.JSONEq(t, tt.want, a.Body)
			}
		})
	}
	t.Run("deeply nested JSON does not overflow the stack", func(t *testing.T) {
		for _, depth := range []int{500, 5_000, 100_000} {
			a := c.get(t, fmt.Sprintf("/deep_json?depth=%d", depth))
			assert.Equal(t, 200, a.Status)
		}
	})
	t.Run("subprocess runs the interpreter of the virtual environment", func(t *testing.T) {
		got := getJSON[struct {
			Prefix    string
			OwnPrefix string `json:"own_prefix"`
			Status    int
		}](t, c, "/run_subprocess")
		venv, err := filepath.EvalSymlinks(need(t, "PYSERVE_VENV"))
		require.NoError(t, err)
		assert.Equal(t, venv, got.OwnPrefix)
		assert.Equal(t, got.OwnPrefix, got.Prefix)
		assert.Equal(t, 3, got.Status)
	})
	t.Run("a forked child that returns from its view answers nothing", func(t *testing.T) {
		raw := s.rawGet(t, "/fork_and_return")
		assert.Equal(t, 1, strings.Count(raw, "HTTP/1.1 "), "%q", raw)
		assert.Contains(t, raw, "by the parent")
		assert.NotContains(t, raw, "from the child")
	})
	t.Run("signal handlers set at import are Python's, SIGTERM is the server's", func(t *testing.T) {
		got := getJSON[struct {
			Handlers []bool
			Handled  int
		}](t, c, "/handlers")
		assert.Equal(t, []bool{true, true}, got.Handlers)
		s.stop(t)
	})
}
