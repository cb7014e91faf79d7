package enginetest

import (
	"io"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/httpserver"
	"github.com/pyserve/pyserve/httpserver/internal/corpus"
)

var corpora = []behaviour{
	{name: "requests of the corpus mean what they should", test: validCorpus},
	{name: "requests of the corpus are refused as they should", test: invalidCorpus},
	{name: "header fields arrive in order and in the client's spelling", test: fieldsAsSent},
}

func (s *suite) corpus(folder string) (cases []corpus.Case) {
	_, file, _, _ := runtime.Caller(0)
	all, err := corpus.Load(filepath.Join(filepath.Dir(file), "../../../testdata/requests"))
	require.NoError(s, err)
	for _, c := range all {
		if strings.HasPrefix(c.Name, folder+"/") {
			cases = append(cases, c)
		}
	}
	require.NotEmpty(s, cases)
	return cases
}

// recorder keeps what it is asked, and answers by the target.
type recorder struct {
	requests chan corpus.Request
	log      *logBuffer // of its server
}

func (rec recorder) Serve(_ int, w httpserver.ResponseWriter, r *httpserver.Request) {
	got := corpus.Request{Method: string(r.Method), Target: string(r.Target), Host: string(r.Host),
		Version: strings.TrimPrefix(r.Proto, "HTTP/"), ContentLength: r.ContentLength}
	for _, f := range r.Fields {
		got.Fields = append(got.Fields, [2]string{string(f.Name), string(f.Value)})
	}
	if r.Body != nil {
		content, err := io.ReadAll(r.Body)
		if got.Body = string(content); err != nil {
			got.Body += " error: " + err.Error()
		}
	}
	rec.requests <- got
	answer(w, r, string(r.Target))
}

// meets compares a request that was served. exact is for the header fields.
func (s *suite) meets(want, got corpus.Request, exact bool) {
	s.Helper()
	assert.Equal(s, want.Method, got.Method)
	assert.Equal(s, want.Target, got.Target)
	assert.Equal(s, want.Host, got.Host)
	assert.Equal(s, want.Version, got.Version)
	assert.Equal(s, want.Body, got.Body)
	assert.Equal(s, int64(len(want.Body)), got.ContentLength)
	if exact {
		assert.Equal(s, want.Fields, got.Fields)
	}
}

func validCorpus(s *suite) {
	s.eachOfCorpus("requests of the corpus mean what they should", "valid", func(c *client, rec recorder, test corpus.Case) {
		if last := test.Requests[len(test.Requests)-1]; last.KeepAlive {
			c.open()
			wait(c.suite, rec.requests)
		} else {
			c.closed()
		}
	})
}

func invalidCorpus(s *suite) {
	s.eachOfCorpus("requests of the corpus are refused as they should", "invalid", func(c *client, rec recorder, test corpus.Case) {
		res, _ := c.response("GET")
		assert.Equal(c, test.Status, res.StatusCode, test.Why)
		assert.True(c, res.Close)
		c.closed()
		assert.Empty(c, rec.requests, "the handler has seen it")
		assert.Contains(c, rec.log.String(), test.Reason)
	})
}

// eachOfCorpus sends each case of a folder to one server, on a connection of its own, checks the requests that
// are served, and lets then check what comes after them.
func (s *suite) eachOfCorpus(behaviour, folder string, then func(*client, recorder, corpus.Case)) {
	srv, rec := s.startRecorder()
	for _, test := range s.corpus(folder) {
		s.run(behaviour, test.Name, func(s *suite) {
			c := srv.dial()
			c.suite = s
			c.sendInBackground(string(test.Raw))
			for _, want := range test.Requests {
				res, content := c.response(want.Method)
				require.Equal(s, 200, res.StatusCode, test.Why)
				if want.Method != "HEAD" {
					assert.Equal(s, want.Target, content)
				}
				s.meets(want, wait(s, rec.requests), false)
			}
			then(c, rec, test)
		})
	}
}

func (s *suite) startRecorder() (*server, recorder) {
	rec := recorder{requests: make(chan corpus.Request, 100)}
	srv := s.start(rec, Options{})
	rec.log = srv.log
	return srv, rec
}

func fieldsAsSent(s *suite) {
	srv, rec := s.startRecorder()
	for _, test := range s.corpus("valid") {
		c := srv.dial()
		c.sendInBackground(string(test.Raw))
		for _, want := range test.Requests {
			s.meets(want, wait(s, rec.requests), true)
		}
		c.Close()
	}
}
